"""Nodes end soon when they are told to, in the middle of work that would not."""

import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from ament_index_python.packages import get_package_prefix

from m3_ros.action import BuildMemory
from m3_ros.capture.scan_writer import ScanWriter
from m3_ros.codes import BuildErrorCode
from m3_ros.config import M3Config
from m3_ros.nodes.client import Client, ServerGone
from m3_ros.nodes.stack import Stack, override
from m3_ros.srv import StartScan, StopScan

NODES = Path(get_package_prefix("m3_ros")) / "lib/m3_ros"
ENDLESS = ["splat.max_iterations=1000000"]


def until_served(client, name):
    """Wait for a stack that the client does not know as its own: it watches the server itself."""
    served = client.node.get_service_names_and_types
    client.wait_until(lambda: name in [each for each, _ in served()], 60.0, f"{name} is missing")


def test_a_memory_node_in_a_build_ends_and_writes_nothing(tmp_path, toy):
    with ScanWriter(tmp_path / "scans/20260101-000000") as writer:
        for frame in toy.frames:
            writer.add(frame)
    target = tmp_path / "memory"
    storage = [f"storage.scans={tmp_path}/scans", f"storage.memory={target}"]
    config = override(M3Config(), [*storage, *ENDLESS])
    with Stack(["memory"], config) as stack, Client("test") as client:
        until_served(client, "/m3/build_memory/_action/send_goal")
        stop = threading.Thread(target=stack.stop)

        def listen(feedback):
            if feedback.stage == "fit" and not stop.ident:
                stop.start()

        try:
            result = client.run(BuildMemory, "/m3/build_memory", BuildMemory.Goal(), listen)
            assert result.error_code == BuildErrorCode.CANCELLED
        except ServerGone:
            pass  # a step of the fit took longer than a node that ends may wait for it
        stop.join()
    assert not target.exists()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP], ids=["kill", "stop"])
def test_a_client_notices_that_its_server_has_vanished(tmp_path, number):
    config = override(M3Config(), [f"storage.memory={tmp_path}/memory", "scan.start_timeout=60.0"])
    with Stack(["capture"], config) as stack, Client("test") as client:
        until_served(client, "/m3/scan/stop")
        client.call(StopScan, "/m3/scan/stop", StopScan.Request())
        threading.Timer(1.0, stack.send_signal, ("capture", number)).start()
        with pytest.raises(ServerGone, match="/m3/scan/start is gone"):
            client.call(StartScan, "/m3/scan/start", StartScan.Request(), timeout=60.0)
        stack.send_signal("capture", signal.SIGCONT)


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
