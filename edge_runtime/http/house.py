"""The models that are served, by name; what every protocol asks of them first."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from werkzeug.exceptions import NotFound

from edge_runtime.errors import ConfigError
from edge_runtime.http.served import Served


@dataclass(frozen=True, slots=True)
class House:
    """All models behind one address."""

    models: dict[str, Served]

    def __iter__(self) -> Iterator[Served]:
        """Yield every model, in the order of the command line."""
        return iter(self.models.values())

    def find(self, name: str, version: str | None = None) -> Served:
        """Return a model.

        Raises:
            NotFound: None of that name, or its version is another.
        """
        served = self.models.get(name)
        if served is None:
            raise NotFound(f"model {name!r}: there are {', '.join(self.models)}")
        if version is not None and version != str(served.manifest.version):
            raise NotFound(f"model {name!r}: no version {version}, it is {served.manifest.version}")
        return served


def house_of(models: Iterable[Served]) -> House:
    """Return the house of some models.

    Raises:
        ConfigError: Two have the same name.
    """
    house: dict[str, Served] = {}
    for served in models:
        name = served.manifest.name
        if name in house:
            raise ConfigError(f"model {name!r} is named twice: one address serves one of a name")
        house[name] = served
    return House(house)
