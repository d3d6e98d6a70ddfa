"""Numbers that options take, where click's own would let nonsense pass."""

import math
from typing import Any

import click


class FiniteFloat(click.FloatRange):
    """A number that is not NaN or infinite: against those every comparison would pass."""

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Return the number; usage error where it is none."""
        number = float(super().convert(value, param, ctx))
        if not math.isfinite(number):
            self.fail(f"{value} is no finite number", param, ctx)
        return number


class Percent(click.ParamType):
    """A share, written as percent, so that nobody takes 1 for all or for a hundredth."""

    name = "percent"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Return the share, 0 to 1; usage error where it is not written as percent."""
        digits = str(value).removesuffix("%")
        try:
            percent = float(digits)
        except ValueError:
            percent = math.nan
        if digits == str(value) or not 0.0 <= percent <= 100.0:
            self.fail(f"{value}, allowed is 0% to 100%", param, ctx)
        return percent / 100.0
