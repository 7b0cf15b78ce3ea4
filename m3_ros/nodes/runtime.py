"""Start, spin and end a node: the same few lines for every process of the stack."""

from __future__ import annotations

import sys
from collections.abc import Callable

import rclpy
from rclpy.exceptions import (
    InvalidParameterTypeException,
    InvalidParameterValueException,
    ParameterException,
)
from rclpy.executors import ExternalShutdownException, MultiThreadedExecutor
from rclpy.node import Node

PARAMETER_ERRORS = (
    InvalidParameterTypeException,
    InvalidParameterValueException,
    ParameterException,
)


def run_node(create: Callable[[], Node], threads: int = 4) -> int:
    """Run one node until Ctrl-C or SIGTERM; what `create` made is destroyed at the end.

    Returns:
        Exit status: 0, or 1 when a setting is refused (one line says which).
    """
    rclpy.init()
    node = None
    try:
        node = create()
        executor = MultiThreadedExecutor(num_threads=threads)
        executor.add_node(node)
        node.get_logger().info("ready")
        executor.spin()
    except (ValueError, *PARAMETER_ERRORS) as error:
        print(error, file=sys.stderr)
        return 1
    except (KeyboardInterrupt, ExternalShutdownException):
        pass
    finally:
        if node is not None:
            node.destroy_node()
        rclpy.try_shutdown()
    return 0
