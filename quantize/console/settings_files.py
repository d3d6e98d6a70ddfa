"""Settings that stand in files of their own: recipe, preprocessing, decoder."""

import tomllib
from pathlib import Path
from typing import Any, get_args

import msgspec
import numpy as np

from edge_runtime.decoders.specs import ImageDecoder
from edge_runtime.errors import BundleError
from edge_runtime.manifest import ImageInput, Preprocessing, check_preprocessing
from quantize.calibrate.open_data import AS_THE_MODEL_TAKES_IT
from quantize.errors import DataError, QuantizeError, RecipeError
from quantize.recipe import Recipe, read_recipe


def read_recipe_file(path: Path | None) -> Recipe:
    """Return the recipe in a file, the default one without; RecipeError names the file."""
    if path is None:
        return Recipe()
    text = _read_text(path, RecipeError)
    try:
        return read_recipe(text)
    except RecipeError as error:
        raise RecipeError(f"{path}: {error}") from error


def read_preprocessing(path: Path | None) -> Preprocessing:
    """Return what a file says of the preprocessing; DataError names the file and the allowed."""
    if path is None:
        return AS_THE_MODEL_TAKES_IT
    spec: Preprocessing = _read_tagged(path, Preprocessing)
    try:
        check_preprocessing(spec)
    except BundleError as error:
        raise DataError(f"{path}: {error}") from error
    return spec


def read_decoder(path: Path | None) -> ImageDecoder | None:
    """Return what a file says of the outputs; DataError names the file and the allowed."""
    if path is None:
        return None
    spec: ImageDecoder = _read_tagged(path, ImageDecoder)
    return spec


def value_range(preprocessing: Preprocessing) -> tuple[float, float]:
    """Return what pixels become by the preprocessing; 0 to 1 where it is none of pixels."""
    if not isinstance(preprocessing, ImageInput):
        return 0.0, 1.0
    darkest_and_lightest = np.array([[0.0], [255.0]])
    made = (darkest_and_lightest - np.array(preprocessing.mean)) / np.array(preprocessing.std)
    return float(made.min()), float(made.max())


def _read_tagged(path: Path, union: Any) -> Any:
    """Return the struct that a TOML file means; `kind` says which of the union's."""
    try:
        settings = tomllib.loads(_read_text(path, DataError))
    except (ValueError, RecursionError) as error:  # also a number of more than 4300 digits
        raise DataError(f"{path}: not TOML: {error}") from error
    try:
        return msgspec.convert({"type": settings.pop("kind", None), **settings}, union)
    except msgspec.ValidationError as error:
        raise DataError(f"{path}: {_about_kind(error, union)}") from error


def _about_kind(error: Exception, union: Any) -> str:
    """Return msgspec's words with our name of the tag, and what it allows."""
    if "`$.type`" not in str(error):
        return str(error)
    tags = [msgspec.inspect.type_info(struct).tag for struct in get_args(union)]  # type: ignore[attr-defined]
    return f"kind: allowed are {', '.join(map(str, tags))}"


def _read_text(path: Path, error_type: type[QuantizeError]) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise error_type(f"{path}: cannot be read ({error})") from error
