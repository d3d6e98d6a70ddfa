"""A Raspberry Pi's CSI camera through picamera2, which the system brings (python3-picamera2).

Never opened twice in a process: each opening takes contiguous memory that is not given back, and
after some it is used up. Where the camera fails, the worker ends and a fresh one opens it.
"""

import importlib
import time
from collections.abc import Callable
from concurrent.futures import CancelledError
from typing import Any

from edge_runtime.config.sources import PicameraConfig
from edge_runtime.errors import SourceError, SourceSpentError
from edge_runtime.sources.protocol import Quiet, Reading, Shot

WAIT_S = 0.5
MAX_AGE_S = 10.0


def load_picamera2() -> Any:
    """Return the class `Picamera2`.

    Raises:
        SourceError: The system's package is not visible to this interpreter.
    """
    try:
        return importlib.import_module("picamera2").Picamera2
    except (ImportError, OSError) as error:
        raise SourceError(
            "picamera2 is not installed: apt install python3-picamera2, and make the virtual "
            "environment with --system-site-packages"
        ) from error


class PicameraSource:
    """Live frames with the sensor's own timestamps; `load` is handed in."""

    is_lossless = False

    def __init__(
        self,
        config: PicameraConfig,
        load: Callable[[], Any] = load_picamera2,
        clock: Callable[[], float] = lambda: time.clock_gettime(time.CLOCK_BOOTTIME),
    ) -> None:
        self._config = config
        self._load = load
        self._clock = clock
        self._camera: Any = None
        self._job: Any = None
        self._is_spent = False

    @property
    def rate_hz(self) -> float | None:
        """The configured rate."""
        return self._config.fps

    def open(self) -> None:
        """Configure and start the camera, once.

        Raises:
            SourceError: picamera2 is missing, or there is no such camera.
            SourceSpentError: It was open before.
        """
        if self._is_spent:
            raise SourceSpentError(f"picamera {self._config.index}: a fresh process has to open it")
        make = self._load()
        self._is_spent = True
        config = self._config
        try:
            self._camera = make(config.index)
            size = (config.width, config.height)
            settings = self._camera.create_video_configuration(
                # libcamera's RGB888 is BGR in memory, as OpenCV has it
                main={"size": size, "format": "RGB888"},
                buffer_count=config.buffers,
                controls={"FrameRate": config.fps},
            )
            self._camera.configure(settings)
            self._camera.start()
        except (RuntimeError, IndexError, OSError, ValueError) as error:
            raise SourceError(f"picamera {config.index}: {error}") from error

    def read(self) -> Reading:
        """Return the next frame, as old as its sensor says."""
        if self._job is None:
            self._job = self._camera.capture_request(wait=False)
        try:
            request = self._job.get_result(timeout=WAIT_S)
        except TimeoutError:
            return Quiet()
        except (RuntimeError, CancelledError) as error:
            raise SourceError(f"picamera {self._config.index}: {error}") from error
        self._job = None
        try:
            values, metadata = request.make_array("main"), request.get_metadata()
        finally:
            request.release()  # or the camera runs out of buffers
        return Shot(values, age_s=self._age_s(metadata.get("SensorTimestamp")))

    def close(self) -> None:
        """Stop the camera; this process will not open it again."""
        self._job = None
        if self._camera is not None:
            self._camera.close()
            self._camera = None

    def _age_s(self, stamp_ns: int | None) -> float:
        age_s = 0.0 if stamp_ns is None else self._clock() - stamp_ns * 1e-9
        return age_s if 0 <= age_s <= MAX_AGE_S else 0.0
