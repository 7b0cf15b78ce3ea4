"""Reader of tables of numbers in text files: separated by commas or blanks, `#` for comments."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from m3_ros.capture.scan import ScanError
from m3_ros.schema import read_lines
from m3_ros.types import Array


def read_rows(path: Path) -> list[tuple[int, list[str]]]:
    """Return number and words of the lines of a file that are neither empty nor comments.

    Raises:
        ScanError: it cannot be read.
    """
    lines = enumerate(read_lines(path, ScanError), 1)
    rows = [(number, line.replace(",", " ").split()) for number, line in lines]
    return [(number, row) for number, row in rows if row and not row[0].startswith("#")]


def read_table(path: Path, columns: int, meaning: str) -> Array:
    """Return the numbers `[N, columns]` of a file, without a first line of names.

    Raises:
        ScanError: it cannot be read, has no rows, or a row has too few numbers.
    """
    rows = read_rows(path)
    if rows and not _is_number(rows[0][1][0]):
        rows = rows[1:]
    table = []
    for number, row in rows:
        if len(row) < columns or not all(_is_number(word) for word in row[:columns]):
            raise ScanError(
                f"{path} line {number} is {' '.join(row)[:80]!r}; it must be {meaning}"
            )
        table.append([float(word) for word in row[:columns]])
    if not table:
        raise ScanError(f"{path} has no rows; each must be {meaning}")
    return np.array(table)


def _is_number(word: str) -> bool:
    try:
        return bool(np.isfinite(float(word)))
    except ValueError:
        return False
