"""Moved, interpolated and spread values: the exported C gives what the interpreter gives."""

import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from quantize.ir.graph import IntGraph
from tests.agreement.test_c_against_interpreter import run_all, write_exports
from tests.moving_strategies import MOVING_GRAPHS
from tests.transpose_conv_strategies import transpose_conv_graphs

pytestmark = pytest.mark.skipif(shutil.which("gcc") is None, reason="needs gcc")

KINDS = (*MOVING_GRAPHS.values(), transpose_conv_graphs)
OF_EACH_KIND = 4


@settings(
    max_examples=1,
    deadline=None,
    phases=(Phase.generate,),  # compiling is too slow to shrink by
    suppress_health_check=list(HealthCheck),
)
@given(st.tuples(*(make() for make in KINDS for _ in range(OF_EACH_KIND))).map(list))
def test_c_equals_the_interpreter_on_every_kind(graphs: list[IntGraph]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        names = write_exports(Path(folder), graphs)
        results = run_all(Path(folder), names)

    assert len(names) == len(graphs)
    assert results == dict.fromkeys(names, "-1")
