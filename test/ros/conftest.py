"""Real processes over DDS: each module has a domain of its own, on this machine only."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

HERE = Path(__file__).parent


@pytest.fixture(scope="module", autouse=True)
def separate_domain(own_domain):
    """Every test of a module runs in the module's domain, and so do its processes."""


@pytest.fixture
def start():
    """Start a Python script of this folder as a process; all end with the test."""
    running = []

    def begin(script, *arguments):
        process = subprocess.Popen([sys.executable, str(HERE / script), *arguments])
        running.append(process)
        return process

    yield begin
    for process in running:
        process.terminate()
    for process in running:
        process.wait(timeout=10)


@pytest.fixture
def eventually():
    """Wait until a condition holds; fail with what was awaited otherwise."""

    def wait(condition, what, timeout=60.0):
        deadline = time.monotonic() + timeout
        while not condition():
            assert time.monotonic() < deadline, f"{what} did not happen within {timeout} s"
            time.sleep(0.05)

    return wait
