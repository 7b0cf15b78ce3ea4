"""What every stage's settings are made of: declared fields, checked values, plain dicts, YAML."""

from __future__ import annotations

import math
import re
from dataclasses import MISSING, asdict, dataclass, field, fields, is_dataclass
from pathlib import Path
from types import UnionType
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from m3_ros.errors import MAX_SHOWN, Kind, M3Error
from m3_ros.strict_yaml import MAX_CHARACTERS, parse_yaml

Value = bool | int | float | str | tuple[float, ...] | tuple[str, ...]
Settings = TypeVar("Settings")
TOPIC = re.compile(r"(?=.{1,247}$)(~/|/)?[A-Za-z_][A-Za-z0-9_]*(/[A-Za-z_][A-Za-z0-9_]*)*")
"""Names of topics that ROS 2 accepts (rmw_validate_full_topic_name), relative or not."""
MAX_BITS = 1023
"""Longest whole number that a float takes."""


class ConfigError(M3Error, ValueError):
    """A setting breaks its rule; the message names field, value and rule."""

    kind = Kind.SETTINGS


def setting(
    default: Value,
    help: str,
    unit: str = "",
    low: float | None = None,
    high: float | None = None,
    choices: tuple[str, ...] | None = None,
    length: int | None = None,
    nonempty: bool = False,
) -> Value:
    """Declare a field: default, meaning, unit, inclusive bounds, choices, length of a tuple."""
    rule = {"help": help, "unit": unit, "low": low, "high": high, "nonempty": nonempty}
    return field(default=default, metadata={**rule, "choices": choices, "length": length})


def required(
    help: str,
    unit: str = "",
    low: float | None = None,
    high: float | None = None,
    choices: tuple[str, ...] | None = None,
    length: int | None = None,
) -> Any:
    """Declare a field without a default, as `setting` declares one with a default."""
    rule = {"help": help, "unit": unit, "low": low, "high": high, "choices": choices}
    return field(metadata={**rule, "length": length})


def check(settings: object) -> None:
    """Refuse a settings dataclass with a value of the wrong type or outside its bounds."""
    hints = get_type_hints(type(settings))
    for item in fields(settings):
        name = f"{type(settings).__name__}.{item.name}"
        value = _typed(hints[item.name], getattr(settings, item.name), name)
        object.__setattr__(settings, item.name, value)
        _check_rule(name, value, dict(item.metadata))
    _check_names(settings)


def _check_names(settings: object) -> None:
    """Refuse topics that ROS refuses, empty frames, and a topic that two fields name."""
    topics: dict[str, str] = {}
    for item in fields(settings):
        name, value = f"{type(settings).__name__}.{item.name}", getattr(settings, item.name)
        if not isinstance(value, str):
            continue
        optional = item.default == ""
        usual = bool(value.strip()) and value[0] != "/" and value.isprintable()
        if item.name.endswith("_frame") and not usual and (value or not optional):
            raise ConfigError(f"{name} = {value!r}: it must be the name of a frame, no / first")
        if not item.name.endswith("_topic"):
            continue
        if not TOPIC.fullmatch(value):
            raise ConfigError(
                f"{name} = {value!r}: it must be the name of a topic: letters, digits and _ "
                "between single /, no part beginning with a digit, at most 247 characters"
            )
        if value in topics:
            raise ConfigError(f"{name} = {value!r}: it must not be that of {topics[value]} too")
        topics[value] = item.name


def _typed(hint: Any, value: object, name: str) -> Any:
    """Return a value as its declared type: lists become tuples, whole numbers floats.

    Raises:
        ConfigError: it is of another type.
    """
    arguments, origin = get_args(hint), get_origin(hint)
    if origin is tuple and isinstance(value, list | tuple):
        inner = arguments[:1] * len(value) if arguments[-1] is Ellipsis else arguments
        if len(inner) == len(value):
            return tuple(_typed(*pair, name) for pair in zip(inner, value, strict=True))
    elif origin is dict and isinstance(value, dict):
        return {key: _typed(arguments[1], item, f"{name}.{key}") for key, item in value.items()}
    elif origin is UnionType:  # X | None
        return value if value is None else _typed(arguments[0], value, name)
    elif hint is float and type(value) is int and value.bit_length() < MAX_BITS:
        return float(value)
    elif isinstance(hint, type) and type(value) is hint:
        return value
    of = f"list of {arguments[0].__name__}" if origin is tuple else getattr(hint, "__name__", hint)
    raise ConfigError(f"{name} = {_shown(value)}: it must be of type {of}")


def _shown(value: object) -> str:
    """Return a value for a message, also where Python refuses to write its digits."""
    try:
        text = repr(value)
    except (ValueError, RecursionError):
        return "a number of too many digits"
    return text if len(text) <= 4 * MAX_SHOWN else f"{text[:MAX_SHOWN]}..."


def _check_rule(name: str, value: Value, rule: dict) -> None:
    low, high, choices = rule.get("low"), rule.get("high"), rule.get("choices")
    numbers = _flat(value)
    if any(isinstance(number, float) and not math.isfinite(number) for number in numbers):
        raise ConfigError(f"{name} = {value!r}: it must be finite")
    if any(isinstance(number, int) and number.bit_length() > 63 for number in numbers):
        raise ConfigError(f"{name} = {_shown(value)}: it must be a whole number of 64 bits")
    if low is not None and any(not number >= low for number in numbers):
        raise ConfigError(f"{name} = {value!r}: it must be at least {low} {rule['unit']}".rstrip())
    if high is not None and any(not number <= high for number in numbers):
        raise ConfigError(f"{name} = {value!r}: it must be at most {high} {rule['unit']}".rstrip())
    if choices is not None and value not in choices:
        raise ConfigError(f"{name} = {value!r}: it must be one of {', '.join(choices)}")
    if rule.get("nonempty") and not (value and all(numbers) and len({*numbers}) == len(numbers)):
        raise ConfigError(f"{name} = {value!r}: it must have at least one value, each once")
    if rule.get("length") is not None and len(value) != rule["length"]:
        raise ConfigError(f"{name} = {value!r}: it must have {rule['length']} values")


def _flat(value: object) -> tuple:
    """Return the values inside nested tuples and dicts."""
    if isinstance(value, dict):
        value = tuple(value.values())
    if not isinstance(value, tuple):
        return (value,)
    return tuple(number for item in value for number in _flat(item))


@dataclass(frozen=True)
class Stage:
    """Base of every stage's settings: checked when made."""

    def __post_init__(self) -> None:
        check(self)


def to_dict(config: object) -> dict:
    """Plain nested dict of a settings dataclass, as YAML and JSON hold it."""

    def plain(value: object) -> object:
        if isinstance(value, dict):
            return {key: plain(item) for key, item in value.items()}
        return list(value) if isinstance(value, tuple) else value

    return plain(asdict(config))


def from_dict(kind: type[Settings], values: dict, name: str = "config") -> Settings:
    """Make settings of type `kind` from a nested dict; absent fields keep their defaults.

    Raises:
        ConfigError: an unknown field, an absent one without a default, or a value that breaks its
            rule.
    """
    if not isinstance(values, dict):
        raise ConfigError(f"{name} = {_shown(values)}: it must be a mapping of settings")
    hints = get_type_hints(kind)
    if unknown := sorted(map(str, set(values) - set(hints))):
        raise ConfigError(f"{name}.{unknown[0]} is unknown; known: {', '.join(hints)}")
    for item in fields(kind):
        if item.name not in values and item.default is item.default_factory is MISSING:
            raise ConfigError(f"{name}.{item.name} is missing: {item.metadata.get('help')}")
    try:
        return kind(**{k: _nested(hints[k], value, f"{name}.{k}") for k, value in values.items()})
    except ConfigError as error:  # names the class
        raise ConfigError(str(error).replace(f"{kind.__name__}.", f"{name}.", 1)) from None


def _nested(hint: Any, value: object, name: str) -> Any:
    """Return a value with the settings inside it made from their dicts."""
    inner = get_args(hint)
    if is_dataclass(hint):
        return from_dict(hint, value, name)
    if get_origin(hint) is UnionType and is_dataclass(inner[0]):
        return value if value is None else from_dict(inner[0], value, name)
    if get_origin(hint) is tuple and is_dataclass(inner[0]) and isinstance(value, list | tuple):
        return tuple(from_dict(inner[0], item, f"{name}[{i}]") for i, item in enumerate(value))
    return value


def read_settings(kind: type[Settings], path: Path, what: str, name: str = "config") -> Settings:
    """Read settings from a YAML file, bare or as ROS parameters (`/**: ros__parameters:`).

    Raises:
        ConfigError: the file is missing, is not YAML, or a setting breaks its rule; the message
            names `what` it is, its path, and the field after `name`.
    """
    values = read_yaml(path, what)
    try:
        if isinstance(values, dict) and "/**" in values:
            if beside := sorted(values.keys() & get_type_hints(kind).keys()):
                raise ConfigError(f"{beside[0]}: it must stand inside /**: ros__parameters")
            values = values["/**"]
            if not isinstance(values, dict) or list(values) != ["ros__parameters"]:
                raise ConfigError("/**: it must hold ros__parameters, a mapping of settings")
            values = values["ros__parameters"]
        return from_dict(kind, values, name)
    except ConfigError as error:
        raise ConfigError(f"{what} {path}: {error}", place=str(path)) from error


def read_yaml(path: Path, what: str) -> object:
    """Content of a YAML file, an empty dict when it is empty.

    Raises:
        ConfigError: the file is missing or is not YAML; the message names `what` it is.
    """
    try:
        content = parse_yaml(_text(path, what))
        return {} if content is None else content
    except OSError as error:
        raise ConfigError(f"{what} {path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{what} {path} is no text: byte {error.start} is not UTF-8") from error
    except ConfigError:
        raise
    except ValueError as error:
        raise ConfigError(f"{what} {path} is not YAML that is read: {error}") from error


def _text(path: Path, what: str) -> str:
    """Return the text of a file, which is not read where it is too large."""
    limit = 4 * MAX_CHARACTERS
    with path.open("rb") as file:  # which may be a pipe, or a device without an end
        data = file.read(limit + 1)
    if len(data) > limit:
        raise ConfigError(f"{what} {path} has over {limit} bytes; that is no settings file")
    return data.decode("utf-8")
