import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest

from quantize.report.accuracy import AccuracyDetails, Change, Comparison, Confusion
from quantize.report.activations import Activation
from quantize.report.causes import Cause, ErrorSplit, LayerCauses
from quantize.report.costs import LayerBytes
from quantize.report.explanation import Explanation
from quantize.report.importance import Importance
from quantize.report.intervals import Interval
from quantize.report.occlusion import OcclusionMap
from quantize.report.page import drop, interval, matrices, mistakes, render_page, short, value
from quantize.report.pictures import Shades, picture_uri
from quantize.report.proofs import LayerProof
from quantize.report.pruning import ModelSize, Pruning
from quantize.report.remedies import Remedy
from quantize.report.report import Report
from quantize.report.task import Task
from quantize.report.trials import RankedLayer, SearchReport, Trial
from tests.quantize.report.test_report import REPORT

HOSTILE = '<script>alert("x")</script>&'
PICTURE = picture_uri(np.zeros((8, 8, 1), np.float32), Shades(0.0, 1.0))


def _report() -> Report:
    accuracy = Comparison(
        "accuracy", 40, 0.9, Interval(0.8, 0.95), 0.8, Interval(0.7, 0.9), 0.1, Interval(0.02, 0.2)
    )
    details = AccuracyDetails(
        metrics=(accuracy,),
        agreement=Interval(0.8, 0.99),
        confusion=Confusion(("cat", HOSTILE), ((5, 1), (0, 6)), ((4, 2), (0, 6))),
        classes=(replace(accuracy, name="cat"), replace(accuracy, name=HOSTILE)),
        groups=(replace(accuracy, name="night"),),
        changes=(Change(3, "dir/a.png", "cat", "cat", 0.9, HOSTILE, 0.6),),
    )
    explanation = Explanation(
        causes=(
            LayerCauses(
                "conv", "Conv2D", ErrorSplit(40.0, 35.5, None), ErrorSplit(40.0, 30.0, None)
            ),
        ),
        activations=(Activation(HOSTILE, "mse", -1.0, 2.0, -0.9, 1.9, 0.01, (1, 8, 64)),),
        costs=(LayerBytes("conv", "Conv2D", (1, 4, 4, 2), 500, 20, 32),),
        proofs=(LayerProof("conv", "Conv2D", 2, 9999, 4.6e-6, 2**30, 2**31 - 1, -7, -6, (1,)),),
        remedies=(Remedy("conv", "Conv2D", Cause.ROUNDING, "recipe: x = 1", 0.5, 0, 0),),
        occlusion=(OcclusionMap(3, 0, ((0.5, -0.1), (0.0, 0.2)), ((0.4, 0.0), (0.0, 0.1))),),
        importance=(Importance(HOSTILE, "accuracy", 0.2, 0.1),),
    )
    evaluation = replace(
        REPORT.evaluation, task=Task.CLASSIFICATION, agreement=0.97, changed_predictions=1
    )
    return replace(REPORT, evaluation=evaluation, accuracy=details, explanation=explanation)


class _Outline(HTMLParser):
    """Takes down what a page holds."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.headings: list[str] = []
        self._heading: str | None = None
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._heading = tag if re.fullmatch(r"h[1-6]", tag) else self._heading

    def handle_endtag(self, tag: str) -> None:
        self._heading = None if tag == self._heading else self._heading

    def handle_data(self, data: str) -> None:
        if self._heading:
            self.headings.append(data)

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


@pytest.fixture(scope="module")
def page() -> str:
    return render_page(_report(), {3: PICTURE}).decode()


def test_the_same_report_has_the_same_bytes(page: str) -> None:
    assert render_page(_report(), {3: PICTURE}).decode() == page


def test_it_has_a_section_for_everything_and_links_to_them(page: str) -> None:
    outline = _Outline(page)

    assert outline.headings == [
        "net: int8 beside float",
        "Summary",
        "Classes and groups",
        "Confusion",
        "Changed predictions",
        "What the models look at",
        "Error by layer",
        "Remedies",
        "Ranges",
        "Parity",
        "Proofs",
        "Costs",
    ]
    targets = {attributes["href"] for attributes in outline.all("a")}
    assert targets == {f"#{attributes['id']}" for attributes in outline.all("h2")}


def test_it_loads_nothing_and_runs_nothing(page: str) -> None:
    outline = _Outline(page)

    assert not {tag for tag, _ in outline.tags} & {"script", "link", "iframe", "object"}
    for tag, attributes in outline.tags:
        for name in ("src", "href"):
            assert (attributes.get(name) or "#").startswith(("#", "data:image/png;base64,")), tag
        assert not [name for name in attributes if name.startswith("on")]
    assert "url(" not in page
    assert "@import" not in page


def test_names_from_outside_are_text(page: str) -> None:
    assert "<script" not in page
    assert "&lt;script&gt;" in page


def test_tables_have_captions_and_headings_and_pictures_have_words(page: str) -> None:
    outline = _Outline(page)

    assert len(outline.all("table")) == len(outline.all("caption")) >= 9
    assert all(attributes.get("scope") in {"row", "col"} for attributes in outline.all("th"))
    assert all(attributes.get("alt") for attributes in outline.all("img"))
    for attributes in outline.all("svg"):
        assert attributes.get("aria-hidden") == "true" or attributes.get("aria-label")
    assert outline.all("html")[0]["lang"] == "en"


def test_a_drop_beyond_chance_is_marked(page: str) -> None:
    assert '<tr class="bad"><th scope="row">night</th>' in page
    assert "+10.00" in page


def test_what_there_is_not_is_left_out() -> None:
    outline = _Outline(render_page(REPORT, {}).decode())

    assert "Classes and groups" not in outline.headings
    assert "Changed predictions" not in outline.headings
    assert "Error by layer" in outline.headings


def test_a_search_shows_what_was_tried_what_was_chosen_and_why_not_more() -> None:
    trial = Trial("int8", (), (), 1.25, 0.0188, 32.7, 9_000, 8_000, meets=False)
    wider = replace(trial, name="int16: 3 of 15 layers", drop=None, flips=None, meets=True)
    layers = tuple(RankedLayer(f"{HOSTILE}_{index}", 0.01 / (index + 1)) for index in range(13))
    search = SearchReport(0.5, 0.01, wider.name, "accuracy is worse by 1", (trial, wider), layers)

    text = render_page(replace(_report(), search=search), {3: PICTURE}).decode()

    assert '<a href="#search">' in text
    assert "Allowed: worse by 0.5 and 1 % changed. Chosen: <b>int16: 3 of 15 layers</b>" in text
    assert "Not met: accuracy is worse by 1." in text
    assert "1.250" in text
    assert "1.88 %" in text
    assert "int16: 3 of 15 layers<small>chosen</small>" in text
    assert "The first 12 of 13" in text
    assert HOSTILE not in text


def test_pruning_is_shown_beside_the_whole_model() -> None:
    before, after = ModelSize(1_000, 500, 900, 800, 0.01), ModelSize(750, 400, 700, 500, 0.305)

    text = render_page(replace(_report(), pruning=Pruning(before, after)), {3: PICTURE}).decode()

    assert '<a href="#pruning">' in text
    row = text[text.index('<th scope="row">pruned</th>') :]
    assert re.findall(r"<td[^>]*>([^<]*)</td>", row)[:5] == [
        "750", "400 B", "700 B", "500 B", "30.5 %"
    ]  # fmt: skip


def test_large_confusions_become_a_list_of_mistakes() -> None:
    names = tuple(f"class {index}" for index in range(20))
    before = np.eye(20, dtype=int) * 9
    after = before.copy()
    after[2, 5] = 3
    confusion = Confusion(
        names, tuple(map(tuple, before.tolist())), tuple(map(tuple, after.tolist()))
    )

    assert matrices(confusion) is None
    (found,) = mistakes(confusion)
    assert (found.label, found.taken_for) == ("class 2", "class 5")
    assert (found.float_count, found.int8_count) == (0, 3)


def test_numbers_are_written_in_their_unit() -> None:
    assert value(0.91234, "accuracy") == "91.23 %"
    assert value(0.91234, "rmse") == "0.9123"
    assert value(None, "auc") == "\N{EN DASH}"
    assert interval(Interval(0.5, 0.75), "accuracy") == "50.00 to 75.00 %"
    assert drop(0.0042, "accuracy") == "+0.42"
    assert drop(-0.00001, "accuracy") == "0.00"
    assert drop(-2.5, "rmse") == "\N{MINUS SIGN}2.5"
    assert len(short("a/long/name" * 9)) == 40
