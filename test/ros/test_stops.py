"""A stop in the middle of a motion, one in each phase, with real processes.

`m3 bench stops` covers all phases and kinds at many moments, and measures the time to rest.
"""

import signal

import pytest

from m3_ros.action import ScanMotion
from m3_ros.codes import ScanMotionErrorCode
from m3_ros.config import M3Config
from m3_ros.nodes.action_client import ThreadSafeActionClient
from m3_ros.nodes.bench_stops import run
from m3_ros.nodes.client import Client
from m3_ros.nodes.motion_record import MotionRecord
from m3_ros.nodes.stack import Stack, override
from m3_ros.nodes.stop_trial import NODES, SETTINGS, run_trial

CASES = {
    "scan": ("cancel", 0),
    "look": ("SIGTERM", 0),
    "drive": ("SIGSTOP", 1),
    "approach": ("SIGINT", 0),
    "close": ("SIGKILL", 1),
    "lift": ("guard SIGKILL", None),
    "place": ("guard SIGINT", None),
}
"""By phase: how the robot is stopped, and how often a guard that lives stops it."""
PATIENT = (
    "motion.hang_timeout=10.0",
    "motion.controller_timeout=10.0",
    "motion.start_timeout=60.0",
    "motion.state_timeout=10.0",
    "grasp.contact_timeout=10.0",
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("states")


@pytest.mark.parametrize("phase", CASES)
def test_the_robot_comes_to_rest(folder, phase):
    kind, guard_stops = CASES[phase]
    trial = run_trial(phase, kind, 0, folder, PATIENT)  # raises where the robot does not rest
    assert trial.speed > 0.02, trial
    assert guard_stops is None or trial.guard_stops == guard_stops, trial


def test_controllers_that_are_killed_in_a_motion_are_named():
    """With the simulation's process the joint states end, too."""
    config = override(M3Config(), [*SETTINGS, "motion.start_timeout=60.0"])
    with Stack(NODES, config) as stack, Client("test") as client:
        robot, seen, ended = MotionRecord(client, config), [], []
        action = ThreadSafeActionClient(client.node, ScanMotion, "/m3/scan_motion")
        client.wait_until(lambda: robot.states and action.server_is_ready(), 60.0, "start")
        sent = action.send_goal_async(ScanMotion.Goal(), seen.append)
        client.wait_until(lambda: seen, 60.0, "no viewpoint was reached")
        stack.send_signal("simulation", signal.SIGKILL)
        sent.result().get_result_async().add_done_callback(lambda f: ended.append(f.result()))
        client.wait_until(lambda: ended, 60.0, "the goal did not end")
    assert ended[0].result.error_code == ScanMotionErrorCode.EXECUTION_FAILED
    assert "/joint_states" in ended[0].result.error_msg


def test_an_unknown_phase_is_refused():
    with pytest.raises(ValueError, match="scan, look"):
        run(phases=("dance",))
