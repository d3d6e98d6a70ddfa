"""Images are judged by their header before they are decoded."""

import contextlib
import struct
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_runtime.errors import FrameError
from edge_runtime.sources.image_file import image_size, read_frame_file

SUFFIXES = ["png", "jpg", "bmp", "ppm", "pgm"]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_the_header_says_what_opencv_decodes(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a.{suffix}"
    pixels = np.full((37, 53) if suffix == "pgm" else (37, 53, 3), 90, np.uint8)
    cv2.imwrite(str(path), pixels)

    assert image_size(path.read_bytes()) == (53, 37)
    image = read_frame_file(path)
    assert image.shape == (37, 53, 3)
    assert abs(image.astype(int) - 90).max() <= 2


def test_a_comment_in_a_pgm_header_is_skipped() -> None:
    assert image_size(b"P5\n# made by hand\n4 3\n255\n" + b"\0" * 12) == (4, 3)


@pytest.mark.parametrize("size", [(20_000, 20_000), (2**31 - 1, 1), (0, 5)])
def test_s3_a_huge_image_is_refused_before_decoding(tmp_path: Path, size: tuple[int, int]) -> None:
    path = tmp_path / "bomb.png"
    path.write_bytes(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + struct.pack(">II", *size) + b"\0" * 20)

    with pytest.raises(FrameError, match=r"bomb\.png: \d+x\d+ pixels, allowed are"):
        read_frame_file(path)


@pytest.mark.parametrize("data", [b"", b"GIF89a", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"P5\n#"])
def test_what_is_no_image_is_refused(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(data)

    with pytest.raises(FrameError, match=r"a\.png: (allowed are PNG|image with a damaged header)"):
        read_frame_file(path)


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=64), st.sampled_from([b"\x89PNG\r\n\x1a\n", b"\xff\xd8", b"BM", b"P6"]))
def test_any_header_gives_a_size_or_a_frame_error(rest: bytes, magic: bytes) -> None:
    try:
        size = image_size(magic + rest)
    except FrameError:
        return
    assert len(size) == 2


def test_a_truncated_image_never_raises_anything_else(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    cv2.imwrite(str(tmp_path / "a.jpg"), rng.integers(0, 256, (40, 40, 3)).astype(np.uint8))
    data = (tmp_path / "a.jpg").read_bytes()

    for length in range(0, len(data), 97):
        (tmp_path / "a.jpg").write_bytes(data[:length])
        with contextlib.suppress(FrameError):  # OpenCV fills in what is missing of a JPEG
            assert read_frame_file(tmp_path / "a.jpg").shape == (40, 40, 3)


def test_an_array_is_taken_as_it_is(tmp_path: Path) -> None:
    values = np.arange(6, dtype=np.float32).reshape(2, 3)
    np.save(tmp_path / "a.npy", values)

    np.testing.assert_array_equal(read_frame_file(tmp_path / "a.npy"), values)


def test_an_array_that_promises_more_than_the_file_holds_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.npy"
    np.save(path, np.zeros(4))
    path.write_bytes(path.read_bytes().replace(b"(4,)", b"(4000000000000,)".ljust(4)))
    np.save(tmp_path / "b.npy", np.array([object()]), allow_pickle=True)
    (tmp_path / "c.npy").write_bytes(b"")

    for name in "abc":
        with pytest.raises(FrameError, match=r"not a plain \.npy array"):
            read_frame_file(tmp_path / f"{name}.npy")


def test_a_file_that_is_too_large_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    with path.open("wb") as file:
        file.truncate((64 << 20) + 1)

    with pytest.raises(FrameError, match="bytes, allowed are 67108864"):
        read_frame_file(path)


def test_s3_a_jpeg_that_is_cut_off_is_refused_and_a_padded_one_is_not(tmp_path: Path) -> None:
    data = bytes(cv2.imencode(".jpg", np.full((37, 53, 3), 90, np.uint8))[1])
    path = tmp_path / "a.jpg"
    path.write_bytes(data[:-10])
    with pytest.raises(FrameError, match=r"a\.jpg: a JPEG that is cut off after"):
        read_frame_file(path)

    path.write_bytes(data + b"\0" * 1000)  # as cameras pad up to a buffer's size

    assert read_frame_file(path).shape == (37, 53, 3)
