"""A stop in the middle of a motion, of each kind and in several phases, with real processes.

`m3 bench stops` covers all phases and kinds at many moments.
"""

import signal
import time

import pytest

from m3_ros.config import M3Config
from m3_ros.nodes.bench_stops import run
from m3_ros.nodes.client import Client
from m3_ros.nodes.stack import Stack, override
from m3_ros.nodes.stop_trial import SETTINGS, MotionRecord, run_trial

ORDERLY, KILLED = 0.3, 0.5  # s to rest, docs/grasping.md
LOAD = 0.3  # s more for tests that run beside others on two cores; `rest_s` counts every delay
CASES = (
    ("scan", "cancel", ORDERLY),
    ("look", "SIGTERM", ORDERLY),
    ("close", "SIGKILL", KILLED),
)


@pytest.mark.parametrize(("phase", "kind", "limit"), CASES)
def test_the_robot_is_soon_at_rest(phase, kind, limit):
    trial = run_trial(phase, kind, seed=0)
    assert trial.speed > 0.02, trial
    assert trial.rest_s < limit + LOAD, trial


def test_a_base_whose_driver_is_suspended_stops(start):
    config = override(M3Config(), [*SETTINGS, "simulation.base_timeout=10.0"])
    with Stack(["simulation", "guard"], config), Client("test") as client:
        robot = MotionRecord(client, config)
        client.wait_until(lambda: bool(robot.base and robot.states), 60.0, "start")
        driver = start("drive.py")
        client.wait_until(robot.moving, 60.0, "no drive")
        time.sleep(1.0)
        driver.send_signal(signal.SIGSTOP)
        stop = time.monotonic()
        time.sleep(2.0)
        driver.kill()
        rest, _, driven = robot.since(stop)
        assert robot.base[-1][0] > stop + 1.5
        assert 0.0 < rest < KILLED + LOAD and driven > 0.01, (rest, driven)


def test_unguarded_a_kill_leaves_the_arm_moving():
    """The measurement can fail: without the guard a trajectory goes on to its end."""
    settings = ("motion.require_guard=false", "motion.heartbeat_timeout=2.0")
    trial = run_trial("scan", "SIGKILL", seed=0, settings=settings)
    assert trial.moved > 0.0 and trial.rest_s > KILLED, trial


def test_an_unknown_phase_is_refused():
    with pytest.raises(ValueError, match="scan, look"):
        run(phases=("dance",))
