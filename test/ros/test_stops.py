"""A stop in the middle of a motion, of each kind and in several phases, with real processes.

`m3 bench stops` covers all phases and kinds at many moments, and measures the time to rest.
"""

import signal

import pytest

from m3_ros.config import M3Config
from m3_ros.msg import GuardStatus
from m3_ros.nodes.bench_stops import run
from m3_ros.nodes.client import Client
from m3_ros.nodes.stack import Stack, override
from m3_ros.nodes.stop_trial import SETTINGS, WATCHED, MotionRecord, run_trial

CASES = (("scan", "cancel", 0), ("look", "SIGTERM", 0), ("close", "SIGKILL", 1))
PATIENT = ("motion.hang_timeout=10.0", "motion.start_timeout=60.0")


@pytest.mark.parametrize(("phase", "kind", "guard_stops"), CASES)
def test_the_robot_is_soon_at_rest(phase, kind, guard_stops):
    trial = run_trial(phase, kind, seed=0, settings=PATIENT)
    assert trial.speed > 0.02, trial
    assert trial.guard_stops == guard_stops and trial.rest_s < WATCHED - 0.1, trial


def test_a_base_whose_driver_is_suspended_stops(start, eventually):
    config = override(M3Config(), [*SETTINGS, *PATIENT, "simulation.base_timeout=10.0"])
    with Stack(["simulation", "guard"], config), Client("test") as client:
        robot, guards = MotionRecord(client, config), []
        client.node.create_subscription(GuardStatus, "m3/guard", guards.append, 10)
        client.wait_until(lambda: bool(robot.base and robot.states), 60.0, "start")
        driver = start("drive.py")
        client.wait_until(robot.moving, 60.0, "no drive")
        driver.send_signal(signal.SIGSTOP)
        eventually(lambda: guards[-1].stops == 1, "a stop by the guard")
        eventually(lambda: not robot.moving(), "rest")
        driver.kill()


def test_an_unknown_phase_is_refused():
    with pytest.raises(ValueError, match="scan, look"):
        run(phases=("dance",))
