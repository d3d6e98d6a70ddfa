import re
from xml.etree import ElementTree as ET

import pytest

from quantize.report.activations import Activation
from quantize.report.causes import ErrorSplit, LayerCauses
from quantize.report.svg import cause_bars, heat, histogram, share_bar


def _layer(*own: float | None) -> LayerCauses:
    return LayerCauses("a", "Conv2D", ErrorSplit(*own), ErrorSplit(*own))


def _boxes(svg: str) -> dict[str, float]:
    return {part.attrib["class"]: float(part.attrib["width"]) for part in ET.fromstring(svg)}


def test_a_worse_error_has_a_longer_bar_and_no_error_has_none() -> None:
    first, second = cause_bars([_layer(20.0, 40.0, None), _layer(30.0, 50.0, 60.0)])

    assert _boxes(first) == {"weights": 100.0, "rounding": 60.0}
    assert _boxes(second) == {"weights": 80.0, "rounding": 40.0, "clipping": 20.0}


def test_layers_without_any_error_have_no_bars() -> None:
    assert _boxes(cause_bars([_layer(None, None, None)])[0]) == {}


def test_the_range_is_drawn_where_it_lies_among_the_values() -> None:
    plot = histogram(Activation("<a&b>", None, -1.0, 3.0, 0.0, 2.0, 0.5, (4, 0, 4, 4)))

    root = ET.fromstring(plot)
    width = float(root.attrib["viewBox"].split()[2])
    (shade,) = [part for part in root if part.attrib["class"] == "range"]
    assert float(shade.attrib["x"]) == pytest.approx(width / 4)
    assert float(shade.attrib["width"]) == pytest.approx(width / 2)
    assert root.attrib["aria-label"].startswith("<a&b>: values -1 to 3")
    (bars,) = [part for part in root if part.attrib["class"] == "bar"]
    assert len(re.findall("M", bars.attrib["d"])) == 3


def test_a_map_is_warm_where_covering_lowers_and_cold_where_it_raises() -> None:
    root = ET.fromstring(heat([[1.0, -0.5]], "data:image/png;base64,", "words"))

    cells = [part for part in root if part.tag == "rect"]
    assert [cell.attrib["class"] for cell in cells] == ["warm", "cold"]
    assert [cell.attrib["fill-opacity"] for cell in cells] == ["0.75", "0.38"]


def test_a_share_of_nothing_is_an_empty_bar() -> None:
    assert _boxes(share_bar(0.0, 0.0, "bar")) == {"bar": 0.0}
    assert _boxes(share_bar(1.0, 4.0, "bar")) == {"bar": 25.0}
