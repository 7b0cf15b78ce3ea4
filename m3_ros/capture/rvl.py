"""Depth images packed by RVL, image_transport's second codec of compressedDepth.

A. D. Wilson, Fast Lossless Depth Image Compression, ISS 2017: runs of holes and of measured
pixels, these as steps from the last one. A number is in nibbles, three bits each and one that
says that more come; eight nibbles are a word.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from m3_ros.errors import DataError

SIZE = 8  # bytes of columns and rows before the words
MAX_PIXELS = 1 << 26  # eight times a picture of 3840 x 2160
MAX_NIBBLES = 9  # of a number below `MAX_PIXELS`: 27 bits
SHIFTS = np.arange(28, -1, -4, dtype=np.uint32)  # of a word's nibbles, the first one on top


class RvlError(DataError):
    """The bytes are no image packed by RVL."""


def unpack_rvl(data: bytes) -> NDArray[np.uint16]:
    """Return the image `[H, W]` of columns and rows (uint32 each) and RVL's words.

    Raises:
        RvlError: the size is none, or words are missing or contradict it.
    """
    if len(data) < SIZE:
        raise RvlError(f"{len(data)} bytes hold no size")
    columns, rows = np.frombuffer(data, "<u4", 2).tolist()
    pixels = columns * rows
    if not 0 < pixels <= MAX_PIXELS:
        raise RvlError(f"a size of {columns} x {rows}")
    numbers = _numbers(np.frombuffer(data, "<u4", (len(data) - SIZE) // 4, SIZE))
    depth, changes, at, i = np.zeros(pixels, bool), [], 0, 0
    while at < pixels:
        holes, measured = numbers[i : i + 2].tolist() if i + 2 <= len(numbers) else (0, 0)
        at, i, end = at + holes, i + 2, i + 2 + measured
        if not holes + measured or at + measured > pixels or end > len(numbers):
            raise RvlError(f"{len(data)} bytes do not hold {columns} x {rows} pixels")
        depth[at : at + measured] = True
        changes.append(numbers[i:end])
        at, i = at + measured, end
    steps = np.concatenate(changes)
    image = np.zeros(pixels, np.uint16)
    image[depth] = np.cumsum((steps >> 1) ^ -(steps & 1))  # signs are in the lowest bits
    return image.reshape(rows, columns)


def _numbers(words: NDArray[np.uint32]) -> NDArray[np.int64]:
    """Return the numbers of all words; those that the last word is filled up with are 0."""
    nibbles = (words[:, None] >> SHIFTS).ravel().astype(np.int64) & 15
    ends = np.flatnonzero(nibbles < 8)
    starts = np.concatenate([[0], ends[:-1] + 1])[: len(ends)]
    if not len(ends) or (ends - starts).max() >= MAX_NIBBLES:
        raise RvlError("no numbers of three bits a nibble")
    nibbles = nibbles[: ends[-1] + 1]
    places = np.arange(len(nibbles)) - np.repeat(starts, ends - starts + 1)
    return np.add.reduceat((nibbles & 7) << (3 * places), starts)
