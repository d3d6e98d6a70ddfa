"""A prediction on request, schema edge.answer/1; knows nothing of the server."""

from typing import Generic

import msgspec

from edge_runtime.payloads import Kind, ModelPart, ResultT, StageMsPart

ANSWER_SCHEMA = "edge.answer/1"


class AnswerPayload(
    msgspec.Struct, Generic[ResultT], frozen=True, kw_only=True, omit_defaults=True
):
    """What the model said; kind and results are those of the daemon's edge.pred/1.

    Attributes:
        schema: "edge.answer/1".
        model: What computed it.
        ms: What the stages took.
        size: (width, height) of an image.
    """

    schema: str
    model: ModelPart
    ms: StageMsPart
    kind: Kind
    results: tuple[ResultT, ...]
    size: tuple[int, int] | None = None
