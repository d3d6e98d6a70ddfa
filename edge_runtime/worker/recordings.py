"""Writes the flight recorder's content while the worker goes on."""

import logging
import threading
from dataclasses import dataclass

from edge_runtime.host.time_source import TimeSource, rfc3339
from edge_runtime.host.versions import versions
from edge_runtime.link import Ready
from edge_runtime.recorder.record import Recording
from edge_runtime.recorder.recorder import MIB, FlightRecorder
from edge_runtime.recorder.writing import prune, write_recording
from edge_runtime.worker.settings import WorkerSettings

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class RecordingsParts:
    """What is written, and what is said of it."""

    recorder: FlightRecorder
    settings: WorkerSettings
    models: Ready
    time: TimeSource


class Recordings:
    """Used by the worker's own thread; writes in another, for a flash card may take its time.

    Attributes:
        last: Name of the last one that was written.
        written: How many were.
    """

    def __init__(self, parts: RecordingsParts) -> None:
        self.last: str | None = None
        self.written = 0
        self._parts = parts
        self._thread: threading.Thread | None = None
        self._is_failing = False

    def ask(self, why: str, *, at_once: bool = False) -> None:
        """Ask for a recording."""
        self._parts.recorder.ask(why, at_once=at_once)

    def turn(self) -> None:
        """Begin to write where one is wanted and none is being written."""
        if self._thread is not None and self._thread.is_alive():
            return
        why = self._parts.recorder.wanted()
        if why is not None:
            name = f"{self._parts.settings.pipeline.name}-recording"
            self._thread = threading.Thread(target=self.write, args=(why,), name=name, daemon=True)
            self._thread.start()

    def finish(self, failure: str | None, wait_s: float) -> None:
        """Wait for what is being written; write once more where the worker ends by a failure."""
        if self._thread is not None:
            self._thread.join(wait_s)
        if failure is not None:
            self.write(failure)

    def write(self, why: str) -> None:
        """Write what is kept now; a disk that takes nothing is logged once."""
        parts = self._parts
        directory = parts.settings.recordings
        held = parts.recorder.held()
        config = parts.settings.pipeline.recorder
        if directory is None or held is None or config is None:
            return
        memory, kept = held
        recording = Recording(
            pipeline=parts.settings.pipeline.name,
            boot=parts.settings.boot,
            why=why,
            written_at=rfc3339(parts.time.wall_s()),
            versions=versions(),
            models=parts.models,
            privacy=config.privacy,
            frames=len(kept),
            memory=memory,
        )
        place = directory / recording.pipeline
        try:
            path = write_recording(place, recording, kept)
            prune(place, config.max_recordings, config.max_disk_mb * MIB)
        except OSError as error:
            if not self._is_failing:
                logger.warning("%s: no recording (%s): %s", recording.pipeline, why, error)
            self._is_failing = True
            return
        self._is_failing = False
        self.last, self.written = path.name, self.written + 1
        logger.info("%s: %d frames written to %s: %s", recording.pipeline, len(kept), path, why)
