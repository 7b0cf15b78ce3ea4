"""After an attempt that failed: open the jaws, but never drop what they hold."""

from __future__ import annotations

from m3_ros.grasp.context import GraspContext
from m3_ros.grasp.history import AttemptHistory
from m3_ros.grasp.holding import is_holding
from m3_ros.grasp.jaws import open_jaws
from m3_ros.grasp.place import put_back
from m3_ros.grasp.planning import Plan
from m3_ros.grasp.robot import RobotError


def undo_attempt(context: GraspContext, plan: Plan) -> None:
    """Open the jaws of a failed attempt; what they hold in the air is put back before.

    Raises:
        GraspError: it cannot be put back.
        RobotError: a motion failed.
    """
    planner = context.planner
    closed_at = planner.arm.fk(plan.phases["touch"].positions[-1])
    raised = float((context.gripper_pose() - closed_at)[2, 3])
    held = is_holding(planner, context.robot.joint_state())
    if held and raised > planner.config.obstacle_height:
        put_back(context, plan)
    else:
        open_jaws(context, plan.grasp.pregrasp_aperture)


def abort(context: GraspContext, history: AttemptHistory) -> str:
    """Open the jaws of a blocked arm unless they hold something; return what came of it.

    Returns:
        What to add to the message of the goal.
    """
    if not history.grasps:
        return ""
    try:
        if is_holding(context.planner, context.robot.joint_state()):
            return "; the jaws still hold the object"
        open_jaws(context, history.grasps[-1].pregrasp_aperture)
    except RobotError as error:
        context.robot.hold()
        return f"; then the jaws could not open: {error}"
    return ""
