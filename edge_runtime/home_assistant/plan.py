"""The configuration and what was said before to an introduction; reads the models' manifests."""

import logging
import math
from pathlib import Path

from edge_runtime.config import Config
from edge_runtime.errors import BundleError
from edge_runtime.home_assistant.components import Described, Machine
from edge_runtime.home_assistant.introduction import Introduction, farewell, introduce
from edge_runtime.home_assistant.known import Known
from edge_runtime.manifest import MANIFEST_NAME, decode_manifest
from edge_runtime.models.store import find_bundle
from edge_runtime.mqtt.topics import Topics

logger = logging.getLogger(__name__)

EXPIRY_IN_INTERVALS = 3  # as health itself expires


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
        pipelines = _described(config, models)
    except (BundleError, OSError) as error:
        logger.warning("not introduced to Home Assistant: %s", error)
        return None
    return introduce(Machine(names, expire_after_s, has_temperature), pipelines, known)


def _described(config: Config, models: Path) -> tuple[Described, ...]:
    found = []
    for pipeline in config.pipeline:
        bundle = find_bundle(pipeline.model, models)
        manifest = decode_manifest((bundle / MANIFEST_NAME).read_bytes())
        found.append(Described(pipeline.name, manifest.decoder, pipeline.publish.events))
    return tuple(found)
