"""Nodes end soon when they are told to, in the middle of work that would not."""

import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from ament_index_python.packages import get_package_prefix
from rclpy.action import ActionClient

from m3_ros.action import BuildMemory
from m3_ros.capture.scan import ScanWriter
from m3_ros.config import M3Config
from m3_ros.nodes.client import Client
from m3_ros.nodes.stack import Stack, override

NODES = Path(get_package_prefix("m3_ros")) / "lib/m3_ros"
ENDLESS = ["splat.max_iterations=1000000"]


def test_a_memory_node_in_a_build_ends_and_writes_nothing(tmp_path, toy):
    with ScanWriter(tmp_path / "scans/20260101-000000") as writer:
        for frame in toy.frames:
            writer.add(frame)
    target = tmp_path / "memory"
    storage = [f"storage.scans={tmp_path}/scans", f"storage.memory={target}"]
    fitting = threading.Event()

    def listen(message):
        if message.feedback.stage == "fit":
            fitting.set()

    config = override(M3Config(), [*storage, *ENDLESS])
    with Stack(["memory"], config) as stack, Client("test", stack.check) as client:
        action = ActionClient(client.node, BuildMemory, "/m3/build_memory")
        assert action.wait_for_server(60.0)
        action.send_goal_async(BuildMemory.Goal(), feedback_callback=listen)
        client.wait_until(fitting.is_set, 60.0, "no fit")
        stack.stop()
    assert not target.exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["sigint", "sigterm"])
@pytest.mark.parametrize(
    ("sign", "delay"), [("ready", 0.0), ("loading", 0.5)], ids=["ready", "loading"]
)
def test_a_query_node_ends(tmp_path, toy_memory, number, sign, delay):
    """While it loads a memory, too: that ends in a worker thread which nothing can interrupt."""
    toy_memory.save(tmp_path / "memory")
    arguments = ["--ros-args", "-p", f"storage.memory:={tmp_path}/memory"]
    process = subprocess.Popen(
        [sys.executable, NODES / "query", *arguments],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    said = ""
    while sign not in said:
        line = process.stdout.readline()
        assert line, said
        said += line
    time.sleep(delay)
    process.send_signal(number)
    said += process.communicate(timeout=60.0)[0]
    assert process.returncode == 0 and "Traceback" not in said, said
