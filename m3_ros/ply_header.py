"""Header of a PLY file, held against the file's length before its data take memory."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

MAX_HEADER = 1 << 16
"""Longest header, bytes: that of 3DGS has 62 properties in 1.5 kB."""
SIZES = {
    **dict.fromkeys(("char", "uchar", "int8", "uint8"), 1),
    **dict.fromkeys(("short", "ushort", "int16", "uint16"), 2),
    **dict.fromkeys(("int", "uint", "int32", "uint32", "float", "float32"), 4),
    **dict.fromkeys(("double", "float64"), 8),
}
"""Bytes of each type of number."""
FORMATS = ("ascii", "binary_little_endian", "binary_big_endian")


@dataclass(frozen=True)
class Element:
    """Name and count of an element, and type and name of its properties; lists have type list."""

    name: str
    count: int
    properties: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class PlyHeader:
    """Format and elements of a PLY file, and where its data begin, bytes."""

    format: str
    elements: tuple[Element, ...]
    start: int


def read_ply_header(path: str | Path) -> PlyHeader:
    """Return the header of a PLY file.

    Raises:
        ValueError: it is none, or its data need more bytes than the file has; the message
            continues the file's name.
        OSError: it cannot be read.
    """
    path = Path(path)
    with path.open("rb") as file:
        header = _parse(file)
    left = path.stat().st_size - header.start
    # An ASCII number takes at least two bytes, a list at least its count.
    needed = 0
    for element in header.elements:
        sizes = (SIZES.get(kind, 1) if header.format != "ascii" else 2 for kind, _ in
                 element.properties)  # fmt: skip
        needed += element.count * sum(sizes)
    if needed > left + (header.format == "ascii"):  # the last line may lack its end
        counts = ", ".join(f"{each.count} of {each.name}" for each in header.elements)
        raise ValueError(
            f"is truncated: its header announces {counts}, which need {needed} bytes; "
            f"{left} follow"
        )
    return header


def _parse(file: BinaryIO) -> PlyHeader:
    if file.readline(8).strip() != b"ply":
        raise ValueError("is not a ply file: it does not begin with `ply`")
    form, elements = "", []
    while True:
        line = file.readline(MAX_HEADER).decode("ascii", "replace")
        words = line.split()
        if not line or file.tell() > MAX_HEADER:
            raise ValueError("is not a ply file: its header has no end")
        match words:
            case ["end_header"]:
                break
            case [] | ["comment" | "obj_info", *_]:
                continue
            case ["format", name, *_] if name in FORMATS:
                form = name
            case ["element", name, count] if count.isascii() and count.isdigit():
                if len(count) > 10:
                    raise ValueError(f"has a header with too many elements: {line.strip()[:80]!r}")
                elements.append((name, int(count), []))
            case ["property", "list", count, kind, name] if elements and {count, kind} <= {*SIZES}:
                elements[-1][2].append(("list", name))
            case ["property", kind, name] if elements and kind in SIZES:
                elements[-1][2].append((kind, name))
            case _:
                raise ValueError(
                    f"has an invalid line in its header: {line.strip()[:80]!r}; it must be "
                    "`format NAME VERSION`, `element NAME COUNT` or `property TYPE NAME`"
                )
    if not form:
        raise ValueError("has a header without a format")
    parsed = tuple(Element(name, count, tuple(rows)) for name, count, rows in elements)
    return PlyHeader(form, parsed, file.tell())
