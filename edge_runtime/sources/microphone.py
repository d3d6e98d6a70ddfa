"""A microphone through PortAudio."""

import time
from typing import Any

from edge_runtime.config.sensors import MicrophoneConfig
from edge_runtime.errors import SourceError
from edge_runtime.sources.extras import needed
from edge_runtime.sources.freeze import FrameWatch
from edge_runtime.sources.pace import MOMENT_S
from edge_runtime.sources.pcm import Blocks, pick_channel, samples_of
from edge_runtime.sources.protocol import Partial, Quiet, Reading, Refusal, Shot
from edge_runtime.sources.rows import WindowShape

BLOCK_S = 0.05


class MicrophoneSource:
    """Windows of live sound in [-1, 1); only the newest window counts."""

    is_lossless = False

    def __init__(self, config: MicrophoneConfig, shape: WindowShape) -> None:
        self._config = config
        self._shape = shape
        self._stream: Any = None
        self._errors: type[Exception] = SourceError
        self._blocks = Blocks(shape)
        self._block_rows = max(1, round(config.rate_hz * BLOCK_S))
        self._watch = FrameWatch(config.frozen_after) if config.frozen_after else None

    @property
    def rate_hz(self) -> float | None:
        """Blocks a second."""
        return self._config.rate_hz / self._block_rows

    def open(self) -> None:
        """Open the device at the model's rate; PortAudio refuses one that it cannot have."""
        self.close()
        sounddevice, config = needed("sounddevice", "audio"), self._config
        # PortAudio lists the devices once; one that came back is seen by a new start only.
        sounddevice._terminate()  # noqa: SLF001 (the library's documented way, though it is private)
        sounddevice._initialize()  # noqa: SLF001
        try:
            self._stream = sounddevice.InputStream(
                samplerate=config.rate_hz,
                device=config.device,
                channels=config.channel + len(self._shape.columns),
                dtype="int16",
                blocksize=self._block_rows,
            )
            self._stream.start()
        except (sounddevice.PortAudioError, ValueError) as error:
            raise SourceError(f"microphone {self._place()}: {error}") from error
        self._errors = sounddevice.PortAudioError
        self._blocks = Blocks(self._shape)

    def read(self) -> Reading:
        """Return the next window, or that a block of sound came.

        Raises:
            SourceError: The device is gone.
        """
        window = self._blocks.take()
        if window is not None:
            return Shot(window)
        try:
            if not self._has_block():
                return Quiet()
            block, is_overflowed = self._stream.read(self._block_rows)
        except self._errors as error:
            raise SourceError(f"microphone {self._place()}: {error}") from error
        if is_overflowed:
            self._blocks = Blocks(self._shape)  # a window never spans a gap
            return Refusal("sound was lost: it was read too late")
        if self._watch is not None:
            self._watch.look(block)
        rows = samples_of(block.tobytes(), block.itemsize, block.shape[1])
        self._blocks.feed(pick_channel(rows, self._config.channel, self._shape))
        return Partial()

    def close(self) -> None:
        """Close the device."""
        if self._stream is not None:
            self._stream.close()
            self._stream = None

    def _has_block(self) -> bool:
        """Wait for a block, for a moment at most."""
        ends_s = time.monotonic() + MOMENT_S
        while self._stream.read_available < self._block_rows:
            if time.monotonic() > ends_s:
                return False
            time.sleep(BLOCK_S / 5)
        return True

    def _place(self) -> str:
        return "(default)" if self._config.device is None else str(self._config.device)
