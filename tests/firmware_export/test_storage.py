from firmware_export.storage import share_storage
from quantize.ir.ops import Activate, Activation, Add, Reshape
from tests.firmware_export.int_graphs import Builder, X, Y, residual_graph, two_headed_graph


def test_a_sum_is_written_over_a_dying_input() -> None:
    storage = share_storage(residual_graph())

    assert storage.buffer_of["sum"] == storage.buffer_of["c1"]


def test_a_reshape_is_its_input() -> None:
    storage = share_storage(residual_graph())

    assert storage.buffer_of["flat"] == storage.buffer_of["pool"]


def test_an_output_is_not_written_over() -> None:
    storage = share_storage(two_headed_graph())

    assert storage.buffer_of["clamp"] != storage.buffer_of["sum"]


def test_an_input_that_is_read_again_is_not_written_over() -> None:
    b = Builder()
    x = b.input("x", (1, 4), X)
    clamp = b.add(Activate(x, "clamp", Activation.RELU), Y)

    storage = share_storage(b.build(b.add(Add(x, clamp, "sum"), Y)))

    assert storage.buffer_of["clamp"] == "clamp"


def test_an_input_whose_reshaped_self_is_read_again_is_not_written_over() -> None:
    b = Builder()
    x = b.input("x", (1, 4), X)
    flat = b.add(Reshape(x, "flat"), X, (1, 2, 2))
    clamp = b.add(Activate(x, "clamp", Activation.RELU), Y)

    storage = share_storage(b.build(clamp, b.add(Activate(flat, "other", Activation.RELU), Y)))

    assert storage.buffer_of["clamp"] == "clamp"
    assert storage.buffer_of["other"] == storage.buffer_of["flat"] == "x"


def test_a_broadcasting_sum_is_not_written_over_its_input() -> None:
    b = Builder()
    left, right = b.input("left", (1, 3, 4), X), b.input("right", (1, 1, 4), X)

    storage = share_storage(b.build(b.add(Add(left, right, "sum"), Y)))

    assert storage.buffer_of["sum"] == "sum"
