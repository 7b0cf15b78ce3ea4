"""Files of JSON, decoded by typed schemas; a fault is named by file, path, value and rule.

`msgspec` does the work: it has no dependencies, wheels of 0.2 MB for Python 3.10 to 3.13, decodes
the 1000 frames of a scan in milliseconds, and its errors carry the path of the field. Schemas are
`msgspec.Struct`s of the types below, whose description is the rule that a message states. All
numbers have bounds on both sides, which NaN and infinity break.
"""

from __future__ import annotations

import json
import re
import stat
from collections import Counter
from pathlib import Path
from typing import Annotated, Any, TypeVar, get_args, get_origin, get_type_hints

import msgspec
from msgspec import Meta

from m3_ros.errors import M3Error, show

Schema = TypeVar("Schema")

MAX_BYTES = 256 << 20
"""Largest JSON file: `transforms.json` of 100 000 frames, with 2.5 kB each."""
MAX_LENGTH = 1000.0
"""Largest coordinate, m: float32, in which Gaussians are kept, resolves 0.06 mm there."""
MAX_COORDINATE = 1e6
"""Largest coordinate in the unit of a scan that is not metric: `MAX_LENGTH` in mm, the smallest
unit that scans come in. float32 resolves the same share of it."""
MAX_SIDE = 32_767
"""Largest side of a picture, px: OpenCV's remap counts pixels in int16."""

Focal = Annotated[float, Meta(gt=0, le=1e6, description="a number > 0, px, at most 1e6")]
Pixel = Annotated[float, Meta(ge=-1e6, le=1e6, description="a number within ±1e6, px")]
Coefficient = Annotated[float, Meta(ge=-1e3, le=1e3, description="a number within ±1000")]
Side = Annotated[
    float, Meta(ge=1, le=MAX_SIDE, multiple_of=1, description="a whole number, px, 1 to 32767")
]
Unit = Annotated[float, Meta(gt=0, le=1000, description="a number > 0 and <= 1000 a step")]
Stamp = Annotated[float, Meta(ge=0, le=2**32, description="a number of seconds, 0 to 2^32")]
Name = Annotated[
    str, Meta(min_length=1, max_length=4095, description="a text of 1 to 4095 characters")
]
Length = Annotated[
    float, Meta(ge=-MAX_LENGTH, le=MAX_LENGTH, description="a number within ±1000, m")
]
Coordinate = Annotated[
    float, Meta(ge=-MAX_COORDINATE, le=MAX_COORDINATE, description="a number within ±1e6")
]
Matrix = Annotated[
    list[
        Annotated[
            list[Coordinate], Meta(min_length=4, max_length=4, description="a row of 4 numbers")
        ]
    ],
    Meta(min_length=3, max_length=4, description="a matrix of 4 x 4 or 3 x 4 numbers"),
]
Count = Annotated[int, Meta(ge=0, le=2**31 - 1, description="a whole number, 0 to 2^31 - 1")]
Text = Annotated[str, Meta(max_length=4095, description="a text of at most 4095 characters")]

_WORDS = {
    "object": "an object {...}", "array": "a list [...]", "str": "a text", "int": "a whole number",
    "float": "a number", "bool": "true or false",
}  # fmt: skip


def read_json(path: Path, kind: type[Schema], error: type[M3Error]) -> Schema:
    """Return what a JSON file holds.

    Raises:
        M3Error: of the class `error`: it cannot be read, is no JSON, or a field breaks its rule.
    """
    try:
        return decode(parse_json(path, error), kind, str(path), error)
    except OSError as cause:
        raise error(f"{path} cannot be read: {cause.strerror or cause}") from cause


def parse_json(path: Path, error: type[M3Error]) -> object:
    """Return the plain content of a JSON file.

    Raises:
        M3Error: of the class `error`: it is too large, or is no JSON.
        OSError: it cannot be read.
    """
    return parse_text(read_content(path, error), str(path), error)


def read_content(path: Path, error: type[M3Error]) -> bytes:
    """Return the bytes of a text file; a pipe or device, which may have no end, is refused.

    Raises:
        M3Error: of the class `error`: it is too large, or no file.
        OSError: it cannot be read.
    """
    status = path.stat()
    if not stat.S_ISREG(status.st_mode) and not stat.S_ISDIR(status.st_mode):
        raise error(f"{path} is a pipe or device; it must be a file")
    if status.st_size > MAX_BYTES:
        raise error(f"{path} has {status.st_size} bytes; it must have at most {MAX_BYTES}")
    return path.read_bytes()


def read_lines(path: Path, error: type[M3Error]) -> list[str]:
    """Return the lines of a text file.

    Raises:
        M3Error: of the class `error`: it cannot be read, is too large, or no file.
    """
    try:
        return read_content(path, error).decode("utf-8-sig", "replace").splitlines()
    except OSError as cause:
        raise error(f"{path} cannot be read: {cause.strerror or cause}") from cause


def parse_text(data: bytes, place: str, error: type[M3Error]) -> object:
    """Return the plain content of a text of JSON.

    Args:
        data: the text, UTF-8.
        place: the file, which messages begin with.
        error: class of the error.

    Raises:
        M3Error: of that class: it is no JSON.
    """
    try:
        text = data.decode("utf-8-sig")
        return json.loads(text, object_pairs_hook=_object)
    except RecursionError as cause:
        raise error(
            f"{place} is nested too deeply to be read; it must be a file of JSON"
        ) from cause
    except UnicodeDecodeError as cause:
        raise error(
            f"{place} is no text: byte {cause.start} is not UTF-8; it must be JSON"
        ) from cause
    except json.JSONDecodeError as cause:
        raise error(f"{place} is not JSON: {cause}") from cause
    except _TwiceError as cause:
        raise error(f"{place} {cause}") from cause
    except ValueError as cause:  # Python converts 4300 digits at most
        raise error(f"{place} holds a number of more than 4300 digits") from cause


class _TwiceError(ValueError):
    """A key stands twice in one object."""


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """Return an object of JSON.

    Raises:
        _TwiceError: a key stands in it twice, of which other programs take the first or the last.
    """
    found = dict(pairs)
    if len(found) < len(pairs):
        twice = next(key for key, count in Counter(key for key, _ in pairs).items() if count > 1)
        raise _TwiceError(f"has the key {show(twice)} twice in one object; keep one")
    return found


def decode(content: object, kind: type[Schema], place: str, error: type[M3Error]) -> Schema:
    """Return plain content as `kind`; unknown fields are ignored.

    Args:
        content: of a JSON file.
        kind: the schema.
        place: the file, which messages begin with.
        error: class of the error.

    Raises:
        M3Error: of that class: a field is missing or breaks its rule.
    """
    try:
        return msgspec.convert(content, kind)
    except RecursionError as cause:
        raise error(f"{place} is nested too deeply to be read") from cause
    except msgspec.ValidationError as cause:
        raise _named(str(cause), content, kind, place, error) from cause


def _named(message: str, content: object, kind: type, place: str, error: type[M3Error]) -> M3Error:
    """Return the error for a message of msgspec."""
    problem, _, path = message.partition(" - at `")
    path, value, found = _find(content, path.rstrip("`"), kind)
    missing = re.fullmatch(r"Object missing required field `(.+)`", problem)
    if missing:
        field, rule = f"{place}: {path}.{missing[1]}", _rule(_inner(found, missing[1]))
        return error(f"{field} is missing; it must be {rule or 'there'}", place=field, rule=rule)
    expected = re.sub(r"`(\w+)( \| \w+)*`", lambda name: _WORDS.get(name[1], name[1]), problem)
    expected = expected.removeprefix("Expected ").split(", got ")[0]
    return error.at(f"{place}: {path}", value, _rule(found) or expected)


def _find(content: Any, path: str, kind: Any) -> tuple[str, object, Any]:
    """Return the path, value and type that a path of msgspec leads to; it calls any key `...`."""
    found, value = "$", content
    for name, index in re.findall(r"\.(\w+)|\[([^\]]+)\]", path):
        kind = _inner(kind, name)
        key = name or index
        if index == "...":
            key = next(key for key, item in value.items() if not _fits(item, kind))
        elif index:
            key = int(index)
        found += f"[{index}]" if isinstance(key, int) else f".{key}"
        value = value[key]
    return found, value, kind


def _fits(item: object, kind: Any) -> bool:
    try:
        msgspec.convert(item, kind)
    except msgspec.ValidationError:
        return False
    return True


def _rule(kind: Any) -> str:
    """Return the description of a type, "" where it has none."""
    for each in _alternatives(kind):
        for meta in getattr(each, "__metadata__", ()):
            if meta.description:
                return meta.description
    return ""


def _inner(kind: Any, name: str) -> Any:
    """Return the type of a field of a struct, or of the items of a list or dict."""
    plain = _plain(kind)
    if get_origin(plain) in (list, dict):
        return get_args(plain)[-1]
    return get_type_hints(plain, include_extras=True)[name]


def _alternatives(kind: Any) -> tuple:
    return (kind,) if get_origin(kind) is Annotated else (get_args(kind) or (kind,))


def _plain(kind: Any) -> Any:
    """Return a type without its rule, and of an optional one the type that is not empty."""
    if get_origin(kind) is Annotated:
        return _plain(get_args(kind)[0])
    if get_origin(kind) in (list, dict):
        return kind
    inner = [each for each in get_args(kind) if each not in (type(None), msgspec.UnsetType)]
    return _plain(inner[0]) if inner else kind
