"""The configuration and what was said before to an introduction; reads the models' manifests."""

import logging
import math
from pathlib import Path

from edge_runtime.config.structs import Config
from edge_runtime.errors import BundleError
from edge_runtime.home_assistant.components import Machine
from edge_runtime.home_assistant.introduction import Introduction, farewell, introduce
from edge_runtime.home_assistant.known import Known
from edge_runtime.models.described import describe_pipeline
from edge_runtime.models.signature import model_key
from edge_runtime.mqtt.topics import Topics

logger = logging.getLogger(__name__)

EXPIRY_IN_INTERVALS = 3  # as health itself expires
MOST_LABELS = 16  # with an entity each; `labels` of the pipeline chooses among more


def plan_introduction(
    config: Config, models: Path, known: Known | None, *, has_temperature: bool
) -> Introduction | None:
    """Return what to say to Home Assistant; None: nothing, and what was said stays as it is.

    A model that cannot be read is no reason to take its entities and their history away.
    """
    if not config.mqtt.home_assistant:
        return None if known is None else farewell(known)
    names = Topics(config.device.site, config.device.id)
    expire_after_s = math.ceil(EXPIRY_IN_INTERVALS * config.health.interval_s)
    try:
        key = model_key(config)
        pipelines = tuple(describe_pipeline(p, models, MOST_LABELS, key) for p in config.pipeline)
    except (BundleError, OSError) as error:
        logger.warning("not introduced to Home Assistant: %s", error)
        return None
    return introduce(Machine(names, expire_after_s, has_temperature), pipelines, known)
