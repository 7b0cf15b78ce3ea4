"""Start, spin and end a node: the same few lines for every process of the stack."""

from __future__ import annotations

import signal
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
from rclpy.signals import SignalHandlerOptions

WAKE = 0.2  # s between looks at signals when nothing else happens
PARAMETER_ERRORS = (
    InvalidParameterTypeException,
    InvalidParameterValueException,
    ParameterException,
)


def run_node(create: Callable[[], Node], threads: int = 4) -> int:
    """Run one node until Ctrl-C or SIGTERM; what `create` made is destroyed at the end.

    Its `destroy_node` can still publish: rclpy's own handlers, which would end the context first,
    are off.

    Returns:
        Exit status: 0, or 1 when a setting is refused (one line says which).
    """
    rclpy.init(signal_handler_options=SignalHandlerOptions.NO)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    node = None
    try:
        node = create()
        executor = MultiThreadedExecutor(num_threads=threads)
        executor.add_node(node)
        node.get_logger().info("ready")
        while rclpy.ok():
            executor.spin_once(timeout_sec=WAKE)
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
