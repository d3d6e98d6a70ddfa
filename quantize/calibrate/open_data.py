"""DATA of the command line: what form it has, and what the device would do to it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edge_runtime.errors import EdgeRuntimeError
from edge_runtime.manifest import ImageInput, Preprocessing, TensorInput
from edge_runtime.preprocess import to_tensor
from edge_runtime.signals.inputs import SignalInput, WindowInput
from edge_runtime.sources.opencv import opencv
from quantize.calibrate.arrays import open_arrays
from quantize.calibrate.dataset import Dataset, ModelInput, only_input
from quantize.calibrate.files import open_folder
from quantize.calibrate.npz import Array
from quantize.calibrate.rows import Rows, Windowing, open_rows
from quantize.calibrate.sounds import SoundWindows, holds_sounds, open_sounds
from quantize.errors import DataError

AS_THE_MODEL_TAKES_IT = TensorInput()
FORMS = "an .npz file, a .csv file, or a folder of images, .wav or .npy files"


@dataclass(frozen=True, slots=True)
class DataSettings:
    """What the user says of the data.

    Attributes:
        preprocessing: The bundle's; images, sounds and rows pass through it, arrays do not.
        target_column: Of a .csv file; None where it has no targets.
        class_names: In the order of the model's outputs; empty where unknown.
    """

    preprocessing: Preprocessing = AS_THE_MODEL_TAKES_IT
    target_column: str | None = None
    class_names: tuple[str, ...] = ()


def open_data(path: Path, inputs: Sequence[ModelInput], settings: DataSettings) -> Dataset:
    """Return the data at `path`, whichever of our forms it has.

    Raises:
        DataError: Missing, of no form that we read, empty, or not what the model takes.
    """
    if not path.exists():
        raise DataError(f"{path}: no such file or directory")
    if path.is_dir():
        return _open_folder(path, only_input(path, inputs), settings)
    if not path.is_file():
        raise DataError(f"{path}: no regular file, expected {FORMS}")
    if path.suffix.lower() == ".npz":
        return open_arrays(path, inputs)
    if path.suffix.lower() == ".csv":
        return _open_rows(path, only_input(path, inputs), settings)
    raise DataError(f"{path}: expected {FORMS}")


def _open_folder(path: Path, model_input: ModelInput, settings: DataSettings) -> Dataset:
    if holds_sounds(path):
        return _open_sounds(path, model_input, settings)

    def prepare(image: Path) -> Array:
        if not isinstance(settings.preprocessing, ImageInput):
            raise DataError(
                f"{path}: images need --preprocess FILE.toml that says how a pixel becomes an input"
                ' (kind = "image", width, height, colour, resize, mean, std)'
            )
        return _prepared(image, _read_image(image), settings.preprocessing, model_input)

    return open_folder(path, model_input, prepare, settings.class_names)


def _open_sounds(path: Path, model_input: ModelInput, settings: DataSettings) -> Dataset:
    spec = settings.preprocessing
    if not isinstance(spec, SignalInput):
        raise DataError(
            f"{path}: sounds need --preprocess FILE.toml that says how they become an input"
            ' (kind = "mfcc", "log_mel", "micro_log_mel", "spectrum" or "window")'
        )
    windows = SoundWindows(
        channels=len(spec.columns),
        length=spec.length,
        step=spec.step,
        sample_rate_hz=None if isinstance(spec, WindowInput) else spec.sample_rate_hz,
        prepare=lambda file, window: _prepared(file, window, spec, model_input),
    )
    return open_sounds(path, model_input, windows, settings.class_names)


def _open_rows(path: Path, model_input: ModelInput, settings: DataSettings) -> Dataset:
    def prepare(window: Rows) -> Array:
        return _prepared(path, window, settings.preprocessing, model_input)

    match settings.preprocessing:
        case TensorInput():
            windowing = Windowing((), 1, 1, prepare)
        case ImageInput():
            raise DataError(f"{path}: rows cannot be preprocessed as images")
        case signal:
            windowing = Windowing(signal.columns, signal.length, signal.step, prepare)
    return open_rows(
        path,
        model_input,
        windowing,
        target_column=settings.target_column,
        class_names=settings.class_names,
    )


def _prepared(
    path: Path, values: Array, preprocessing: Preprocessing, model_input: ModelInput
) -> Array:
    try:
        return to_tensor(values, preprocessing, model_input.shape)
    except EdgeRuntimeError as error:
        raise DataError(f"{path}: {error}") from error


def _read_image(path: Path) -> Array:
    try:
        cv2 = opencv()
    except EdgeRuntimeError as error:
        raise DataError(str(error)) from error
    encoded = np.fromfile(path, np.uint8)
    image = cv2.imdecode(encoded, cv2.IMREAD_COLOR) if encoded.size else None
    if image is None:
        raise DataError(f"{path}: not a readable image")
    return np.asarray(image)
