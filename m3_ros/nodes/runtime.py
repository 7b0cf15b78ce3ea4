"""Start, spin and end a node: the entry point of every process of the stack."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

import rclpy
from rclpy.exceptions import (
    InvalidParameterTypeException,
    InvalidParameterValueException,
    ParameterException,
)
from rclpy.executors import ExternalShutdownException
from rclpy.node import Node
from rclpy.signals import SignalHandlerOptions

from m3_ros.errors import Kind, M3Error, fault_report
from m3_ros.nodes.base import ManagedNode
from m3_ros.nodes.executor import PatientExecutor
from m3_ros.settings import ConfigError

PARAMETER_ERRORS = (
    InvalidParameterTypeException,
    InvalidParameterValueException,
    ParameterException,
)

END_LIMIT = 6.0
"""Time (s) after which a node that does not end is ended: the longest that a grasp node needs, see
`stack.SHUTDOWN_STEPS`, and 1 s."""
TEARDOWN_TIME = 0.5
"""Time (s) for a managed node, whose work has ended, to leave the middleware. Where processes
leave together Fast DDS waits 3 s for its shared memory now and then (2 of 29 stacks)."""
ENDING_POLL = 0.01  # s between two checks whether a node's work has ended
ANSWERS = 10  # rounds for the answers of what has ended, 0.1 s when there is none


def run_node(create: Callable[[], Node], threads: int = 4) -> NoReturn:
    """Run one node until SIGINT or SIGTERM, end its work, destroy it, and end the process.

    Its `destroy_node` can still publish: rclpy's own handlers, which would end the context first,
    are off. Callbacks that still compute in worker threads are not waited for. Exit status: 0, or
    that of the kind of a `M3Error`, 78 for a parameter; each is told in one line. Anything else is
    a fault of the program: one line, which names the file with the traceback, and 70.
    """
    status = int(Kind.BUG)
    try:
        status = _run(create, threads)
    except M3Error as error:
        print(" ".join(str(error).split()), file=sys.stderr)
        status = int(error.kind)
    except PARAMETER_ERRORS as error:
        print(" ".join(str(error).split()), file=sys.stderr)
        status = int(Kind.SETTINGS)
    except BaseException as error:
        print(fault_report(Path(sys.argv[0]).name, error), file=sys.stderr)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def _run(create: Callable[[], Node], threads: int) -> int:
    try:
        rclpy.init(signal_handler_options=SignalHandlerOptions.NO)
    except RuntimeError as error:  # rclpy's, which have no public names
        raise ConfigError(f"ROS cannot start with these arguments: {error}") from None
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    node, executor = None, PatientExecutor(num_threads=threads)
    try:
        node = create()
        executor.add_node(node)
        _wake_on_signal(executor)
        if not isinstance(node, ManagedNode):  # which says so itself, when it is active
            node.get_logger().info("ready")
        while rclpy.ok():
            executor.spin_once()
    except (KeyboardInterrupt, ExternalShutdownException):
        pass
    finally:
        # `ros2 launch` passes on the SIGINT that Ctrl-C has sent to every process already.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, lambda *_: os._exit(1))
        _exit_after(END_LIMIT, 1)  # a callback that never ends
        if node is not None:
            if isinstance(node, ManagedNode):
                _end(node, executor)
                _exit_after(TEARDOWN_TIME, 0)
            node.destroy_node()
        rclpy.try_shutdown()
    return 0


def release_memory() -> None:
    """Give the system what large work has freed: glibc would keep up to half a gigabyte of it."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


def _exit_after(seconds: float, status: int) -> None:
    timer = threading.Timer(seconds, os._exit, (status,))
    timer.daemon = True
    timer.start()


def _end(node: ManagedNode, executor: PatientExecutor) -> None:
    """End a node's work, and go on spinning until its goals and requests are answered."""
    ending = threading.Thread(target=node.end, daemon=True)
    ending.start()
    with suppress(ExternalShutdownException):
        while ending.is_alive():
            executor.spin_once(timeout_sec=ENDING_POLL)
        for _ in range(ANSWERS):
            executor.spin_once(timeout_sec=ENDING_POLL)


def _wake_on_signal(executor: PatientExecutor) -> None:
    """Have signals end the executor's wait, which goes on otherwise: a stop must not wait."""
    read, write = os.pipe()
    os.set_blocking(write, False)
    signal.set_wakeup_fd(write)

    def wake() -> None:
        while os.read(read, 1):
            executor.wake()

    threading.Thread(target=wake, daemon=True).start()
