"""What the tables `[pipeline.source]` share, whatever their kind."""

from typing import Annotated, TypeAlias

import msgspec
from msgspec import Meta

from edge_runtime.config.values import Name, Rate, Seconds, Table, Text

Repeats: TypeAlias = Annotated[int, Meta(ge=0, le=10_000_000)]
AskingRate: TypeAlias = Annotated[float, Meta(gt=0, le=1000)]


class Source(Table, frozen=True, tag_field="kind"):
    """What every source takes.

    Attributes:
        name: In payloads; None: the kind.
        stall_after_s: Silence that counts as a stall; None: from the rate (at least 5 s).
        retry_max_s: Greatest pause between two attempts to open it; as left out, a camera that is
            back is seen within 10 s.
    """

    name: Name | None = None
    stall_after_s: Seconds | None = None
    retry_max_s: Seconds = 6.0


class LiveImages(Source, frozen=True):
    """What every camera takes.

    Attributes:
        frozen_after: So many equal frames in a row are a frozen camera, which is opened again;
            0: never. A sensor's noise makes frames differ; a stream's codec may take it away for
            as long as its key frames are apart.
    """

    frozen_after: Repeats = 300


class LiveRows(Source, frozen=True):
    """What every sensor takes.

    Attributes:
        fields: Where a column of the model has another name here: {column = "name"}; in JSON also
            a JSON pointer ("/sensor/temperature").
        columns: Only for a model that declares none itself.
        rate_hz: Rows a second that are expected; None: at least one a minute.
        frozen_after: So many equal values of one column in a row are a stuck sensor; 0: never,
            for what may rightly stand still.
    """

    fields: dict[Text, Text] = msgspec.field(default_factory=dict)
    columns: tuple[Text, ...] = ()
    rate_hz: Rate | None = None
    frozen_after: Repeats = 0
