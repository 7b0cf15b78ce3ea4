"""Nodes end soon when they are told to, in the middle of work that would not."""

import threading
import time

from rclpy.action import ActionClient

from m3_ros.action import BuildMemory
from m3_ros.capture.scan import ScanWriter
from m3_ros.config import M3Config
from m3_ros.nodes.client import Client
from m3_ros.nodes.stack import Stack, override

ENDLESS = ["splat.max_iterations=1000000", "splat.max_seconds=0.0"]


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
        started = time.monotonic()
        stack.stop()
        assert time.monotonic() - started < 6.0  # before anything harsher than SIGINT
    assert not target.exists()
