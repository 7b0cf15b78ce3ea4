import numpy as np
import pytest

from m3_ros.config import GraspConfig
from m3_ros.grasp.closing import close_jaws
from m3_ros.grasp.context import GraspContext
from m3_ros.grasp.outcome import EmptyGrasp, RetryableGraspFailure
from m3_ros.grasp.planning import Planner
from m3_ros.grasp.robot import MotionCancelled, never
from m3_ros.grasp.scoring import RISE
from m3_ros.robot_model import load_robot

ROBOT = load_robot()
MAX_SLIP = ROBOT.gripper.max_slip

UP = np.array([0.0, 0.0, 1.0])


@pytest.fixture
def at_object(robot, plan):
    """The robot with its fixed jaw at the object."""
    robot.q[:6] = plan.phases["touch"].positions[-1]
    return robot


def test_the_jaws_squeeze_only_after_they_have_settled(at_object, context_of, planner):
    start = planner.arm.fk(at_object.q[:6])
    close_jaws(context_of(at_object))
    full = planner.robot_model.gripper.closing_effort
    low = planner.config.settle_effort_share * full
    assert [effort for effort, _ in at_object.closings] == [low, low, full]
    settled = [*planner.config.settle_distance * start[:2, 2], RISE]
    for (_, q), way in zip(at_object.closings, [np.zeros(3), settled, settled], strict=True):
        np.testing.assert_allclose(planner.arm.fk(q)[:3, 3] - start[:3, 3], way, atol=2e-4)


def test_what_the_gentle_jaws_lose_is_an_empty_grasp(at_object, context_of):
    at_object.grips = [-0.4, 0.0]
    with pytest.raises(EmptyGrasp):
        close_jaws(context_of(at_object))
    assert len(at_object.closings) == 2


def test_jaws_that_push_the_arm_off_the_table_stop_closing(at_object, context_of):
    at_object.resists = 1
    with pytest.raises(RetryableGraspFailure, match="pushed the arm away"):
        close_jaws(context_of(at_object))
    assert at_object.log[-1] == "hold" and not at_object.closings


@pytest.mark.parametrize(("newtons", "squeezed"), [(-20.0, True), (3.0, True), (6.0, False)])
def test_jaws_that_are_pushed_up_do_not_squeeze(at_object, found, monkeypatch, newtons, squeezed):
    """What they hold presses on the table then; what is in the air pulls them down."""
    planner = Planner(ROBOT, GraspConfig(closing_contact_effort=60.0))
    context = GraspContext(at_object, planner, lambda: found, lambda *_: None, never)
    move_gripper, arm = at_object.move_gripper, planner.arm

    def press(*arguments):
        reached = move_gripper(*arguments)
        turn, slope = arm.fk(at_object.q[:6])[:3, :3], arm.jacobian(at_object.q[:6])
        tips = turn @ (slope[:3] + np.cross(slope[3:], planner.gripper.tips[:, None], axis=0))
        at_object.efforts = np.append(-tips.T @ (newtons * UP), 0.0)
        return reached

    monkeypatch.setattr(at_object, "move_gripper", press)
    if squeezed:
        close_jaws(context)
    else:
        with pytest.raises(RetryableGraspFailure, match="press the object"):
            close_jaws(context)
    assert len(at_object.closings) == (3 if squeezed else 2)


@pytest.fixture
def slide(at_object, monkeypatch):
    """Lets what is held give way by `way` rad in the closings with these numbers."""
    move_gripper = at_object.move_gripper

    def begin(closings, way):
        def slides(position, max_effort, max_speed, cancelled):
            number, start = len(at_object.closings), at_object.q[6]
            reached = move_gripper(position, max_effort, max_speed, cancelled)
            if number not in closings:
                return reached
            for at_object.q[6] in np.arange(start, start + way, 0.005):
                if cancelled():
                    raise MotionCancelled("cancelled")
            return at_object.q[6]

        monkeypatch.setattr(at_object, "move_gripper", slides)

    return begin


@pytest.mark.parametrize("closings", [(1, 2), (2,)])
@pytest.mark.parametrize(("way", "lost"), [(0.5 * MAX_SLIP, False), (3.0 * MAX_SLIP, True)])
def test_jaws_do_not_run_on_after_what_gives_way(
    at_object, context_of, slide, closings, way, lost
):
    """Neither when they close again, and once more, nor when they squeeze."""
    slide(closings, way)
    if not lost:
        close_jaws(context_of(at_object))
        return
    with pytest.raises(RetryableGraspFailure, match="slipped"):
        close_jaws(context_of(at_object))
    assert at_object.q[6] < -0.4 + len(closings) * (MAX_SLIP + 0.01)


def test_the_fixed_jaw_comes_nearer_to_what_the_other_one_pushes_before_it(
    at_object, context_of, planner, slide
):
    slide([1], 3.0 * MAX_SLIP)
    close_jaws(context_of(at_object))
    gentle, slid, again, full = (planner.arm.fk(q)[:3, 3] for _, q in at_object.closings)
    across = planner.config.settle_distance
    assert np.linalg.norm(again - slid) == pytest.approx(across, rel=0.05)
    assert (again - gentle)[2] == pytest.approx(RISE, abs=2e-4)
    np.testing.assert_allclose(full, again, atol=1e-6)
