"""The settings dataclasses of `m3_ros.config` as ROS parameters: same names, units and bounds."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable
from dataclasses import fields
from difflib import get_close_matches
from fnmatch import fnmatch
from pathlib import Path
from typing import get_type_hints

from rcl_interfaces.msg import FloatingPointRange, IntegerRange, ParameterDescriptor
from rclpy.node import Node
from rclpy.parameter import Parameter

from m3_ros.config import M3Config
from m3_ros.settings import ConfigError, from_dict, read_yaml, to_dict

FLOAT_LIMITS = (-sys.float_info.max, sys.float_info.max)
OWN = ("autostart", "use_sim_time", "qos_overrides", "start_type_description_service")
"""Parameters, and groups of them, that nodes have besides the settings."""
INTEGER_LIMITS = (-(2**63), 2**63 - 1)  # ROS integers have 64 bits


def declare_settings(node: Node, *groups: str) -> M3Config:
    """Declare the parameters `group.name` of some groups and return what they are set to.

    The other groups of the result keep their defaults.

    Raises:
        ConfigError: a value breaks its rule, or a parameter has a name that no node knows.
    """
    # What a file and the command line set; rclpy has no public name for it.
    overrides, where = node._parameter_overrides, f"node {node.get_fully_qualified_name()}"
    check_names(overrides, where)
    for name in overrides:
        overrides[name] = _typed(overrides[name], where)
    kinds = get_type_hints(M3Config)
    values = {}
    for group in groups:
        values[group] = {}
        for item in fields(kinds[group]):
            default = list(item.default) if isinstance(item.default, tuple) else item.default
            parameter = node.declare_parameter(
                f"{group}.{item.name}", default, _descriptor(default, item.metadata)
            )
            value = parameter.value
            # ROS has no empty array: it arrives as None.
            is_array = isinstance(default, list)
            values[group][item.name] = tuple(value or ()) if is_array else value
    return from_dict(M3Config, values)


def _typed(parameter: Parameter, where: str) -> Parameter:
    """Return a setting's parameter as the setting's type, which takes whole numbers for floats.

    Raises:
        ConfigError: its value breaks the setting's rule.
    """
    group, _, name = parameter.name.partition(".")
    if group in OWN or not hasattr(M3Config(), group):
        return parameter
    value = parameter.value if parameter.type_ is not Parameter.Type.NOT_SET else []
    try:
        settings = from_dict(M3Config, {group: {name: value}}, "parameters")
    except ConfigError as error:
        raise ConfigError(
            f"{where}: {str(error).replace('parameters.', 'parameter ', 1)}"
        ) from None
    value = getattr(getattr(settings, group), name)
    return Parameter(parameter.name, value=list(value) if isinstance(value, tuple) else value)


def check_names(names: Iterable[str], where: str) -> None:
    """Do nothing where all names are those of settings or of parameters that nodes have besides.

    Raises:
        ConfigError: one is not; the message gives it, `where` it is, and the nearest that exists.
    """
    groups = to_dict(M3Config())
    known = [f"{group}.{name}" for group, values in groups.items() for name in values]
    for name in names:
        if name in known or name.split(".")[0] in OWN:
            continue
        near = get_close_matches(name, known, n=1)
        hint = f"; did you mean {near[0]}?" if near else "; docs/parameters.md lists them"
        raise ConfigError(f"{where}: parameter {name} is unknown{hint}")


def check_parameter_file(
    path: Path, nodes: Iterable[str], namespace: str = "", ours: Iterable[str] = ()
) -> None:
    """Check a ROS parameter file that some nodes read; others may read it too.

    Args:
        path: of the file.
        nodes: names of those that will read it.
        namespace: of the nodes.
        ours: names of all nodes that may have sections in such a file.

    Raises:
        ConfigError: the file is missing, is no ROS parameter file, has a name that is unknown, or
            has sections that are for none of our nodes: ROS would ignore them in silence.
    """
    content, nodes = read_yaml(path, "params_file"), tuple(nodes)
    if not isinstance(content, dict):
        raise ConfigError(f"params_file {path}: it must be a mapping of node names")
    for pattern, section in content.items():
        if not isinstance(section, dict) or not isinstance(section.get("ros__parameters"), dict):
            raise ConfigError(f"params_file {path}: {pattern} must hold ros__parameters")
        if any(fnmatch(node, pattern.split("/")[-1]) for node in nodes):
            check_names(_flat(section["ros__parameters"]), f"params_file {path}, {pattern}")
    full = [f"{f'/{namespace}' if namespace else ''}/{node}" for node in (*nodes, *ours)]
    if content and not any(_is_for(pattern, name) for pattern in content for name in full):
        raise ConfigError(
            f"params_file {path}: {', '.join(content)}: no section is for a node of m3_ros; name "
            f"it /** or {full[0]}"
        )


def _is_for(pattern: str, name: str) -> bool:
    """Return whether a section is for the node of a full name, as rcl matches them."""
    parts = re.split(r"(/?\*\*|\*)", f"/{pattern.lstrip('/')}")
    kinds = {"/**": r"(/\w+)*", "**": r"(/\w+)*", "*": r"\w+"}
    return bool(re.fullmatch("".join(kinds.get(part, re.escape(part)) for part in parts), name))


def _flat(values: dict, prefix: str = "") -> list[str]:
    """Return the names of nested parameters, joined by dots."""
    names = []
    for key, value in values.items():
        names += _flat(value, f"{prefix}{key}.") if isinstance(value, dict) else [f"{prefix}{key}"]
    return names


def _descriptor(default: object, rule: dict) -> ParameterDescriptor:
    """Return meaning, unit and bounds, as `ros2 param describe` prints them."""
    unit = f" [{rule['unit']}]" if rule["unit"] else ""
    descriptor = ParameterDescriptor(description=rule["help"] + unit, read_only=True)
    descriptor.dynamic_typing = default == []  # an empty array has no type to infer
    if rule["choices"]:
        descriptor.additional_constraints = f"one of {', '.join(rule['choices'])}"
    if rule["low"] is None and rule["high"] is None:
        return descriptor
    if isinstance(default, float):
        low, high = _range(rule, FLOAT_LIMITS)
        bounds = FloatingPointRange(from_value=float(low), to_value=float(high))
        descriptor.floating_point_range = [bounds]
    elif isinstance(default, int):
        low, high = _range(rule, INTEGER_LIMITS)
        descriptor.integer_range = [IntegerRange(from_value=low, to_value=high, step=1)]
    return descriptor


def _range(rule: dict, limits: tuple[float, float]) -> tuple[float, float]:
    """Return the bounds of a rule, at an open side the type's limit."""
    bounds = (rule["low"], rule["high"])
    low, high = (limits[i] if bounds[i] is None else bounds[i] for i in (0, 1))
    return low, high
