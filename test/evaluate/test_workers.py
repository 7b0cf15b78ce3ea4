"""A benchmark that is killed leaves no worker behind."""

import os
import subprocess
import sys
import time

from m3_ros.evaluate.workers import worker_pool

PARENT = """
import os
from time import sleep
from m3_ros.evaluate.workers import worker_pool
if __name__ == "__main__":
    pool = worker_pool(1)
    print(pool.submit(os.getpid).result(), flush=True)
    pool.submit(sleep, 600)
    sleep(600)
"""


def lives(process):
    try:
        with open(f"/proc/{process}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_a_worker_ends_with_a_parent_that_is_killed(tmp_path):
    script = tmp_path / "parent.py"
    script.write_text(PARENT)
    parent = subprocess.Popen([sys.executable, script], stdout=subprocess.PIPE, text=True)
    worker = int(parent.stdout.readline())
    assert lives(worker)
    parent.kill()
    parent.wait()
    end = time.monotonic() + 60.0
    while lives(worker):
        assert time.monotonic() < end
        time.sleep(0.01)


def test_workers_give_results():
    with worker_pool(1) as pool:
        assert pool.submit(os.getppid).result() == os.getpid()
