"""`m3 up` runs a stack of processes and leaves none behind, however it ends."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from ament_index_python.packages import get_package_prefix

M3 = Path(get_package_prefix("m3_ros")) / "bin/m3"


def children(pid):
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def alive(pid):
    try:
        return "State:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return False


@pytest.fixture
def up(tmp_path, eventually):
    """`m3 up scan` with its node running: the process, its nodes' ids, its output file."""
    output = (tmp_path / "output").open("w+")
    process = subprocess.Popen(
        [sys.executable, str(M3), "up", "scan"], stdout=output, stderr=output
    )
    said = Path(output.name)
    eventually(lambda: "ready" in said.read_text(), "the node", 120.0)
    yield process, children(process.pid), said
    process.kill()
    process.wait()
    output.close()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["ctrl-c", "term"])
def test_asked_to_stop_it_stops_its_nodes(up, number):
    process, nodes, said = up
    assert len(nodes) == 1 and "[capture] " in said.read_text()
    process.send_signal(number)
    assert process.wait(timeout=30) == (0 if number == signal.SIGINT else 130)
    assert not any(alive(node) for node in nodes)
    assert "Traceback" not in said.read_text()


def test_a_killed_node_is_named_and_the_rest_ends(up):
    process, nodes, said = up
    os.kill(nodes[0], signal.SIGKILL)
    assert process.wait(timeout=30) == 1
    assert "node capture ended with status -9" in said.read_text()


def test_nodes_do_not_outlive_a_killed_parent(up, eventually):
    process, nodes, _ = up
    process.kill()
    process.wait()
    eventually(lambda: not any(alive(node) for node in nodes), "the end of the nodes")


def test_a_bad_setting_starts_nothing():
    result = subprocess.run(
        [sys.executable, str(M3), "up", "scan", "--set", "scan.max_frames=0"],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert result.returncode != 0
    assert "scan.max_frames = 0: it must be at least 1" in result.stderr
