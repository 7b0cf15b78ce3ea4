"""What every stage's settings are made of: declared fields, checked values, plain dicts, YAML."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field, fields, is_dataclass
from pathlib import Path
from typing import TypeVar, get_type_hints

import yaml

Value = bool | int | float | str | tuple[float, ...] | tuple[str, ...]
Settings = TypeVar("Settings")


class ConfigError(ValueError):
    """A setting breaks its rule; the message names field, value and rule."""


def setting(
    default: Value,
    help: str,
    unit: str = "",
    low: float | None = None,
    high: float | None = None,
    choices: tuple[str, ...] | None = None,
    length: int | None = None,
) -> Value:
    """Declare a field: default, meaning, unit, inclusive bounds, choices, length of a tuple."""
    rule = {"help": help, "unit": unit, "low": low, "high": high}
    return field(default=default, metadata={**rule, "choices": choices, "length": length})


def check(settings: object) -> None:
    """Refuse a settings dataclass with a value of the wrong type or outside its bounds."""
    hints = get_type_hints(type(settings))
    for item in fields(settings):
        value = getattr(settings, item.name)
        if is_dataclass(value):
            continue
        name = f"{type(settings).__name__}.{item.name}"
        expected = type(item.default)
        if expected is float and isinstance(value, int) and not isinstance(value, bool):
            value = float(value)
            object.__setattr__(settings, item.name, value)
        if expected is tuple and isinstance(value, list):
            value = tuple(value)
            object.__setattr__(settings, item.name, value)
        if type(value) is not expected:
            raise ConfigError(f"{name} = {value!r}: it must be of type {hints[item.name]}")
        _check_rule(name, value, dict(item.metadata))


def _check_rule(name: str, value: Value, rule: dict) -> None:
    low, high, choices = rule.get("low"), rule.get("high"), rule.get("choices")
    numbers = value if isinstance(value, tuple) else (value,)
    if any(isinstance(number, float) and not math.isfinite(number) for number in numbers):
        raise ConfigError(f"{name} = {value!r}: it must be finite")
    if low is not None and any(not number >= low for number in numbers):
        raise ConfigError(f"{name} = {value!r}: it must be at least {low} {rule['unit']}".rstrip())
    if high is not None and any(not number <= high for number in numbers):
        raise ConfigError(f"{name} = {value!r}: it must be at most {high} {rule['unit']}".rstrip())
    if choices is not None and value not in choices:
        raise ConfigError(f"{name} = {value!r}: it must be one of {', '.join(choices)}")
    if rule.get("length") is not None and len(numbers) != rule["length"]:
        raise ConfigError(f"{name} = {value!r}: it must have {rule['length']} numbers")


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
        ConfigError: an unknown field, or a value that breaks its rule.
    """
    if not isinstance(values, dict):
        raise ConfigError(f"{name} = {values!r}: it must be a mapping of settings")
    hints = get_type_hints(kind)
    unknown = sorted(set(values) - set(hints))
    if unknown:
        raise ConfigError(f"{name}.{unknown[0]} is unknown; known: {', '.join(hints)}")
    parts = {
        key: from_dict(hints[key], value, f"{name}.{key}") if is_dataclass(hints[key]) else value
        for key, value in values.items()
    }
    return kind(**parts)


def read_yaml(path: Path, what: str) -> object:
    """Content of a YAML file, an empty dict when it is empty.

    Raises:
        ConfigError: the file is missing or is not YAML; the message names `what` it is.
    """
    try:
        return yaml.safe_load(path.read_text()) or {}
    except OSError as error:
        raise ConfigError(f"{what} {path} cannot be read: {error.strerror}") from error
    except yaml.YAMLError as error:
        raise ConfigError(f"{what} {path} is not YAML: {error}") from error
