"""A stop in the middle of a motion, of each kind and in several phases, with real processes.

`m3 bench stops` covers all phases and kinds at many moments.
"""

import pytest

from m3_ros.nodes.bench_stops import run
from m3_ros.nodes.stop_trial import run_trial

ORDERLY, KILLED = 0.3, 0.5  # s to rest, docs/grasping.md
LOAD = 0.3  # s more for tests that run beside others on two cores; `rest_s` counts every delay
CASES = (
    ("scan", "cancel", ORDERLY),
    ("look", "SIGTERM", ORDERLY),
    ("drive", "SIGSTOP", KILLED),
    ("close", "SIGKILL", KILLED),
)


@pytest.mark.parametrize(("phase", "kind", "limit"), CASES)
def test_the_robot_is_soon_at_rest(phase, kind, limit):
    trial = run_trial(phase, kind, seed=0)
    assert trial.speed > 0.02, trial
    assert trial.rest_s < limit + LOAD, trial


def test_unguarded_a_kill_leaves_the_arm_moving():
    """The measurement can fail: without the guard a trajectory goes on to its end."""
    settings = ("motion.require_guard=false", "motion.heartbeat_timeout=2.0")
    trial = run_trial("scan", "SIGKILL", seed=0, settings=settings)
    assert trial.moved > 0.0 and trial.rest_s > KILLED, trial


def test_an_unknown_phase_is_refused():
    with pytest.raises(ValueError, match="scan, look"):
        run(phases=("dance",))
