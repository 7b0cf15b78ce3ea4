"""States of a real process, of another machine's, and of one whose id was used again."""

import signal
import subprocess
import sys
import time

import pytest

from m3_ros.nodes.process_state import ProcessState, own_process, process_state

SAY = "from m3_ros.nodes.process_state import own_process as o; print(o(), flush=True); input()"


@pytest.fixture
def child():
    process = subprocess.Popen(
        [sys.executable, "-c", SAY], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    process.name = process.stdout.readline().strip()
    yield process
    process.kill()
    process.communicate()


def wait(name, state):
    end = time.monotonic() + 60.0
    while process_state(name) is not state:
        assert time.monotonic() < end, process_state(name)
        time.sleep(0.01)


def test_this_process_runs():
    assert process_state(own_process()) is ProcessState.RUNNING


def test_a_suspended_process_goes_on_and_ends(child):
    assert process_state(child.name) is ProcessState.RUNNING
    child.send_signal(signal.SIGSTOP)
    wait(child.name, ProcessState.SUSPENDED)
    child.send_signal(signal.SIGCONT)
    wait(child.name, ProcessState.RUNNING)
    child.kill()
    wait(child.name, ProcessState.ENDED)  # a zombie: nobody has waited for it
    child.wait()
    assert process_state(child.name) is ProcessState.ENDED


def test_a_process_id_that_is_used_again_is_another_process():
    machine, pid, start = own_process().split("/")
    assert process_state(f"{machine}/{pid}/{int(start) - 1}") is ProcessState.ENDED


@pytest.mark.parametrize("name", ["", "elsewhere/1/2", "elsewhere"])
def test_of_another_machine_nothing_is_known(name):
    assert process_state(name) is ProcessState.UNKNOWN


@pytest.mark.parametrize("pid", ["\u00b2", "\u0663", "9" * 5000, "-1", "1e3", ".."])
def test_of_a_process_id_that_is_none_nothing_is_known(pid):
    """It arrives in messages; the first and the third are no numbers for `int`."""
    assert process_state(f"{own_process().split('/')[0]}/{pid}/1") is ProcessState.UNKNOWN


def test_a_name_of_this_machine_without_a_process_id_is_unknown():
    assert process_state(own_process().split("/")[0]) is ProcessState.UNKNOWN
