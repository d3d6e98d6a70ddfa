from firmware_export.stack import CallGraph, deepest_stack_bytes, parse_call_graph

GCC_12 = """graph: { title: "m.c"
node: { title: "m.c:edge_conv_s8" label: "edge_conv_s8\\nk/c.h:185:18\\n376 bytes (static)" }
node: { title: "m.c:add.constprop.0" label: "add.constprop\\nk/e.h:63:18\\n4 bytes (dynamic,bounded)" }
node: { title: "m_run" label: "m_run\\nm.c:201:6\\n16 bytes (static)" }
node: { title: "memcpy" label: "__builtin_memcpy\\n<built-in>" shape : ellipse }
edge: { sourcename: "m_run" targetname: "m.c:edge_conv_s8" label: "m.c:203:5" }
edge: { sourcename: "m_run" targetname: "m.c:add.constprop.0" label: "m.c:206:5" }
edge: { sourcename: "m.c:add.constprop.0" targetname: "memcpy" }
}
"""  # noqa: E501  # as the compiler writes it


def test_frames_and_calls_are_read_from_what_gcc_writes() -> None:
    graph = parse_call_graph(GCC_12)

    assert graph.frame_bytes == {"edge_conv_s8": 376, "add.constprop.0": 4, "m_run": 16}
    assert graph.callees["m_run"] == {"edge_conv_s8", "add.constprop.0"}


def test_the_deepest_chain_counts() -> None:
    assert deepest_stack_bytes(parse_call_graph(GCC_12), "m_run") == 392


def test_a_chain_is_added_up() -> None:
    graph = CallGraph({"a": 1, "b": 10, "c": 100}, {"a": frozenset("b"), "b": frozenset("c")})

    assert deepest_stack_bytes(graph, "a") == 111
