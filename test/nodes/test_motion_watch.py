"""When the guard stops a robot: by states of processes and counts of checks, without a clock."""

import pytest

from m3_ros.config import MotionConfig
from m3_ros.nodes import motion_watch
from m3_ros.nodes.motion_watch import POLL, MotionWatch
from m3_ros.nodes.process_state import ProcessState

LIMITS = MotionConfig(heartbeat_timeout=0.5, hang_timeout=1.0)


@pytest.fixture
def watch(monkeypatch):
    """A node in motion; `watch.state` is that of its process."""
    watch = MotionWatch("/grasp", LIMITS)
    watch.state = ProcessState.RUNNING
    monkeypatch.setattr(motion_watch, "process_state", lambda _: watch.state)
    watch.beat("process", True)
    return watch


def silence(watch):
    """How long heartbeats stay away before a stop, s, and the reason of the stop."""
    for checks in range(1, 1000):
        if problem := watch.check():
            return POLL * checks, problem
    return None


@pytest.mark.parametrize("state", [ProcessState.ENDED, ProcessState.SUSPENDED])
def test_a_process_that_does_not_run_is_stopped_at_the_second_check(watch, state):
    watch.state = state
    assert silence(watch) == (2 * POLL, f"/grasp moved the robot, and its process {state.value}")


def test_the_last_word_of_a_process_that_has_ended_is_heard(watch):
    watch.state = ProcessState.ENDED
    assert watch.check() is None
    watch.beat("process", False)
    assert silence(watch) is None


def test_a_process_that_waits_for_a_core_is_given_time(watch):
    after, problem = silence(watch)
    assert after == pytest.approx(LIMITS.hang_timeout + POLL)
    assert "sent no heartbeat for 1.05 s; its process runs" in problem


def test_on_another_machine_only_heartbeats_count(watch):
    watch.state = ProcessState.UNKNOWN
    after, problem = silence(watch)
    assert after == pytest.approx(LIMITS.heartbeat_timeout + POLL)
    assert "another machine" in problem


def test_a_heartbeat_ends_the_silence(watch):
    for _ in range(100):
        assert watch.check() is None
        watch.beat("process", True)


def test_after_its_motion_a_node_may_die(watch):
    watch.beat("process", False)
    watch.state = ProcessState.ENDED
    assert silence(watch) is None and not watch.moving
