"""Nodes in this process, in a context of their own that the test destroys."""

import os
import threading

import pytest
import rclpy

from m3_ros.nodes.spinner import Spinner


@pytest.fixture(scope="session", autouse=True)
def own_domain():
    # Domains 1 to 101 have safe ports everywhere; the process id tells parallel runs apart.
    os.environ["ROS_DOMAIN_ID"] = str(1 + os.getpid() % 101)
    os.environ["ROS_AUTOMATIC_DISCOVERY_RANGE"] = "LOCALHOST"


@pytest.fixture
def context():
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
