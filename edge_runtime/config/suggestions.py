"""A refused configuration, explained: the key's path, what is allowed, the nearest known key."""

import difflib
import re
from typing import Any

from msgspec import inspect

_UNKNOWN = re.compile(r"Object contains unknown field `(?P<key>[^`]*)`(?: - at `(?P<path>[^`]*)`)?")
_PLACE = re.compile(r"(?P<what>.*?)(?: - at `(?P<path>[^`]*)`)?")
_STEP = re.compile(r"\.?(?P<key>[A-Za-z_]\w*)|\[(?P<index>\d+)\]")


def explain(message: str, root: type, tables: dict[str, Any]) -> str:
    """Return msgspec's message about `tables` as one line that names path and remedy.

    Args:
        message: As msgspec's ValidationError has it.
        root: The struct that `tables` should have become.
        tables: The parsed file; says which member of a union was meant.
    """
    unknown = _UNKNOWN.fullmatch(message)
    if unknown:
        path = unknown["path"] or "$"
        return _explain_unknown(unknown["key"], path, _known_keys(root, path, tables))
    place = _PLACE.fullmatch(message)
    what, path = (place["what"], place["path"]) if place else (message, None)
    tags = _tags(root, path, tables) if path and path.endswith(".kind") else ()
    allowed = f" (allowed: {', '.join(tags)})" if tags else ""
    return f"{_readable(path or '$')}: {what[:1].lower()}{what[1:]}{allowed}"


def _explain_unknown(key: str, path: str, known: tuple[str, ...]) -> str:
    near = difflib.get_close_matches(key, known, n=1, cutoff=0.5)
    hint = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(known)}"
    return f"{_readable(path)}: unknown key {key!r}; {hint}"


def _readable(path: str) -> str:
    return path.removeprefix("$").removeprefix(".") or "top level"


def _known_keys(root: type, path: str, tables: dict[str, Any]) -> tuple[str, ...]:
    node, value = _walk(root, path, tables)
    if isinstance(node, inspect.UnionType):
        node = _member(node, value)
    if not isinstance(node, inspect.StructType):
        return ()
    tag = (node.tag_field,) if node.tag_field else ()
    return (*tag, *(field.encode_name for field in node.fields))


def _tags(root: type, path: str, tables: dict[str, Any]) -> tuple[str, ...]:
    node, _ = _walk(root, path.rpartition(".")[0], tables)
    members = node.types if isinstance(node, inspect.UnionType) else (node,)
    return tuple(str(m.tag) for m in members if isinstance(m, inspect.StructType) and m.tag)


def _walk(root: type, path: str, tables: dict[str, Any]) -> tuple[inspect.Type, Any]:
    """Return the type and the value at msgspec's `path`."""
    node: inspect.Type = inspect.type_info(root)
    value: Any = tables
    for step in _STEP.finditer(path.removeprefix("$")):
        if isinstance(node, inspect.UnionType):
            node = _member(node, value)
        if step["index"] is not None and isinstance(node, inspect.VarTupleType):
            node, value = node.item_type, value[int(step["index"])]
        elif isinstance(node, inspect.StructType):
            field = next(f for f in node.fields if f.encode_name == step["key"])
            node, value = field.type, value[step["key"]]
    return (node.type if isinstance(node, inspect.Metadata) else node), value


def _member(union: inspect.UnionType, value: Any) -> inspect.Type:
    """Return the struct of a union that `value` was meant for (by its tag, or the only one)."""
    structs = [t for t in union.types if isinstance(t, inspect.StructType)]
    for struct in structs:
        if struct.tag_field and value.get(struct.tag_field) == struct.tag:
            return struct
    return structs[0] if structs else union
