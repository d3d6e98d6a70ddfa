"""Bytes that went wrong: seeds with bits flipped, cut, doubled, spliced, nasty tokens put in."""

import random
from collections.abc import Sequence

_TOKENS = (
    *(b"\x00", b"\xff", b"\xed\xa0\x80", b"\xf0\x9f\x92\xa9", b"\\ud800", b"\\u0000", b"\n", b"\r"),
    *(b'"', b"'", b"{", b"}", b"[", b"]", b",", b":", b"=", b"#", b"*", b"-", b"."),
    *(b"NaN", b"Infinity", b"1e999", b"-1", b"0x", b"9" * 25, b"9" * 5000, b"1e-400", b"true"),
    *(b"null", b"[" * 100, b'{"a":' * 100, b"9223372036854775808", b"2026-02-30", b'"""'),
)
MOST_BYTES = 1 << 16


class Mutator:
    """Makes cases without end; the same seed makes the same ones."""

    def __init__(self, seeds: Sequence[bytes], rng: random.Random) -> None:
        self._seeds = seeds
        self._rng = rng

    def next(self) -> bytes:
        """Return a seed after one to six things happened to it; rarely plain noise."""
        rng = self._rng
        if rng.random() < 0.02:
            return rng.randbytes(rng.randrange(200))
        data = bytearray(rng.choice(self._seeds))
        for _ in range(rng.choice((1, 1, 1, 2, 3, 6))):
            self._mutate(data)
        return bytes(data[:MOST_BYTES])

    def _mutate(self, data: bytearray) -> None:
        rng = self._rng
        place = rng.randrange(len(data) + 1)
        end = min(len(data), place + rng.choice((1, 1, 2, 4, 8, 16, 64)))
        match rng.randrange(7):
            case 0 if place < len(data):
                data[place] ^= 1 << rng.randrange(8)
            case 1 if place < len(data):
                data[place] = rng.randrange(256)
            case 2:
                data[place:place] = rng.choice(_TOKENS)
            case 3:
                del data[place:end]
            case 4:
                data[place:place] = data[place:end] * rng.choice((1, 2, 50))
            case 5:
                other = rng.choice(self._seeds)
                start = rng.randrange(len(other) + 1)
                data[place:end] = other[start : start + 64]
            case _:
                data[place:end] = rng.choice(_TOKENS)
