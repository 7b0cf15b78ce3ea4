"""`m3 bench load`: many clients, many queries, a long scan: answers, lost frames, growth."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from m3_ros.capture.scan import Scan
from m3_ros.codes import QueryErrorCode
from m3_ros.config import M3Config
from m3_ros.nodes.client import Client, ClientError
from m3_ros.nodes.isolation import isolate
from m3_ros.nodes.load_camera import SPEED
from m3_ros.nodes.qos import SERVICE
from m3_ros.nodes.stack import Stack, override
from m3_ros.srv import Query, StartScan, StopScan
from m3_ros.types import Array

ANSWER_LIMIT = 5.0  # s in which each of many clients has an answer or BUSY
WARM_UP = 100  # queries, and s of a scan, after which memory and handles must stay
SLACK = 1e-3  # s, of stamps that are compared: a fraction of a frame
WAIT = 60.0  # s for what takes milliseconds on a quiet machine


def run(
    memory: Path, clients: int, queries: int, minutes: float, json_path: Path | None = None
) -> dict[str, object]:
    """Load the query and the capture node, print and return the figures, and write them as JSON.

    Args:
        memory: folder of the memory that is asked; each query is for "box".
        clients: requests at once.
        queries: requests in a row.
        minutes: of a scan at 30 Hz with 640 x 480 pixels.
        json_path: file of the figures.
    """
    isolate()
    figures: dict[str, object] = {}
    with TemporaryDirectory(prefix="m3_load_") as folder:
        settings = [f"storage.memory={memory.resolve()}", "scan.frame_timeout=0.0"]
        config = override(M3Config(), settings)
        with Stack(["query"], config) as stack, Client("load", stack.check) as client:
            figures |= ask_at_once(client, clients) | ask_in_a_row(client, stack, queries)
        settings = [f"storage.scans={folder}", "scan.max_frames=100000"]
        config = override(M3Config(), settings)
        with Stack(["capture"], config) as stack, Client("load", stack.check) as client:
            figures |= scan(client, stack, 60.0 * minutes, Path(folder) / "stamps")
    for name, value in figures.items():
        print(f"{name}: {value}")
    if json_path:
        json_path.write_text(json.dumps(figures, indent=1) + "\n")
    return figures


def ask_at_once(client: Client, count: int) -> dict[str, object]:
    """Send `count` queries, each by a client of its own; return how each ended and how late."""
    node = client.node
    services = [node.create_client(Query, "m3/query", qos_profile=SERVICE) for _ in range(count)]
    client.wait_until(lambda: all(s.service_is_ready() for s in services), WAIT, "no query node")
    _ask(client)  # the first query of a memory finds its segments
    begun, ended = time.monotonic(), {}
    futures = [service.call_async(Query.Request(text="box")) for service in services]
    for index, future in enumerate(futures):
        future.add_done_callback(lambda _, i=index: ended.update({i: time.monotonic() - begun}))
    client.wait_until(lambda: len(ended) == count, WAIT, "a query had no answer")
    codes = [QueryErrorCode(future.result().error_code) for future in futures]
    for service in services:
        node.destroy_client(service)
    answered = [ended[i] for i, code in enumerate(codes) if code is QueryErrorCode.NONE]
    busy = [ended[i] for i, code in enumerate(codes) if code is QueryErrorCode.BUSY]
    return {
        "clients at once": count,
        "answered, latest [s]": (len(answered), round(max(answered, default=0.0), 2)),
        "BUSY, latest [s]": (len(busy), round(max(busy, default=0.0), 2)),
        "later than 5 s, or another code": count - sum(t < ANSWER_LIMIT for t in answered + busy),
    }


def ask_in_a_row(client: Client, stack: Stack, count: int) -> dict[str, object]:
    """Send `count` queries in turn; return how memory and handles of the node have grown."""
    pid = stack.process_id("query")
    for _ in range(min(WARM_UP, count)):
        _ask(client)
    before, begun = usage(pid), time.monotonic()
    for _ in range(count - WARM_UP):
        _ask(client)
    after, took = usage(pid), time.monotonic() - begun
    return {
        "queries in a row": count,
        "time of one [ms]": round(1e3 * took / max(1, count - WARM_UP), 1),
        "memory after 100 and all [MB], handles": (before[0], after[0], before[1], after[1]),
    }


def scan(client: Client, stack: Stack, seconds: float, stamps: Path) -> dict[str, object]:
    """Scan a camera that moves steadily; return lost keyframes, and the node's growth.

    Args:
        client, stack: of the capture node.
        seconds: length of the scan.
        stamps: file for the stamps of the frames that the camera has published.
    """
    with stamps.open("w") as output:
        command = [sys.executable, "-m", "m3_ros.nodes.load_camera"]
        camera = subprocess.Popen(command, stdout=output)
    try:
        end = time.monotonic() + WAIT
        while not (start := client.call(StartScan, "m3/scan/start", StartScan.Request())).success:
            if time.monotonic() > end:
                raise ClientError(start.error_msg)
        pid, begun = stack.process_id("capture"), time.monotonic()
        time.sleep(min(WARM_UP, seconds / 2))
        before = usage(pid)
        time.sleep(max(0.0, begun + seconds - time.monotonic()))
        after = usage(pid)
        stop = client.call(StopScan, "m3/scan/stop", StopScan.Request(), WAIT)
    finally:
        camera.terminate()
        camera.wait()
    published = np.loadtxt(stamps, ndmin=1)
    keyframes = np.array([frame.stamp for frame in Scan.open(stop.folder)])
    during = published[(published >= keyframes[0]) & (published <= keyframes[-1])]
    return {
        "scan [min], keyframes": (round(seconds / 60, 1), len(keyframes)),
        "frames published [Hz]": round(len(during) / (keyframes[-1] - keyframes[0]), 1),
        "longest way between keyframes [m]": round(float(SPEED * np.diff(keyframes).max()), 3),
        "keyframes lost": lost_keyframes(published, keyframes),
        "memory at warm-up and end [MB], handles": (before[0], after[0], before[1], after[1]),
    }


def lost_keyframes(published: Array, keyframes: Array) -> int:
    """Return how many keyframes are missing, from the stamps (s) of frames `[N]`, keyframes `[K]`.

    A keyframe is due at the first frame that is far enough from the one before. One that comes
    later is not lost, as long as no further one was due before it.
    """
    interval = M3Config().scan.keyframe_translation / SPEED
    lost = 0
    for before, after in pairwise(keyframes):
        due = published[np.searchsorted(published, before + interval - SLACK)]
        lost += int((after - due + SLACK) / interval)
    return lost


def usage(pid: int) -> tuple[int, int]:
    """Return resident memory (MB) and open handles of a process."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGESIZE") // 1_000_000, len(os.listdir(f"/proc/{pid}/fd"))


def _ask(client: Client) -> None:
    answer = client.call(Query, "m3/query", Query.Request(text="box"), WAIT, repeat=True)
    if answer.error_code != QueryErrorCode.NONE:
        raise ClientError(answer.error_msg)
