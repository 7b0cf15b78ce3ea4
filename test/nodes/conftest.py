"""Nodes in this process, in a context of their own that the test destroys."""

import threading
import time

import pytest
import rclpy

from m3_ros.nodes.spinner import Spinner


@pytest.fixture
def context(own_domain):
    context = rclpy.Context()
    rclpy.init(context=context)
    yield context
    context.shutdown()


@pytest.fixture
def spin(context):
    """Make a spinning node by its name; all end with the test."""
    running = []

    def make(name):
        node = rclpy.create_node(name, context=context)
        running.append((node, Spinner(node)))
        return node

    yield make
    for node, spinner in reversed(running):
        spinner.stop()
        node.destroy_node()


@pytest.fixture
def thread_errors(monkeypatch):
    """Exceptions that end a thread."""
    errors = []
    monkeypatch.setattr(threading, "excepthook", lambda args: errors.append(args.exc_value))
    return errors


@pytest.fixture
def until():
    """Wait until a condition holds."""

    def wait(condition, timeout=20.0):
        deadline = time.monotonic() + timeout
        while not condition():
            assert time.monotonic() < deadline, "it has not happened in time"
            time.sleep(0.05)

    return wait
