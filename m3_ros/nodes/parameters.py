"""The settings dataclasses of `m3_ros.config` as ROS parameters: same names, units and bounds."""

from __future__ import annotations

import sys
from dataclasses import fields
from typing import get_type_hints

from rcl_interfaces.msg import FloatingPointRange, IntegerRange, ParameterDescriptor
from rclpy.node import Node

from m3_ros.config import M3Config
from m3_ros.settings import from_dict

FLOAT_LIMITS = (-sys.float_info.max, sys.float_info.max)
INTEGER_LIMITS = (-(2**63), 2**63 - 1)  # ROS integers have 64 bits


def declare_settings(node: Node, *groups: str) -> M3Config:
    """Declare the parameters `group.name` of some groups and return what they are set to.

    The other groups of the result keep their defaults.

    Raises:
        ConfigError: a value breaks its rule.
        rclpy.exceptions.ParameterException: a value has the wrong type or is out of range.
    """
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
