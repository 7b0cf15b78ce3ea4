"""Putting an object back: down to where it stood, open, away from it."""

from __future__ import annotations

from m3_ros.grasp.attempt import OPENING
from m3_ros.grasp.closing import SLID
from m3_ros.grasp.job import Job, follow_until_contact, onward
from m3_ros.grasp.outcome import ErrorCode, GraspError, Slipped
from m3_ros.grasp.planning import Plan
from m3_ros.grasp.robot import TrackingError

LANDING, LANDING_SPEED = 0.02, 0.01  # the last part of the way down, m, and its peak speed, m/s
EARLY = 0.03  # what touches this much above its place, or more, stands on something else, m


def put_back(job: Job, plan: Plan) -> None:
    """Lower what the jaws hold to where it stood, let go of it and back off.

    Args:
        job: of the grasp.
        plan: that lifted it.

    Raises:
        GraspError: it cannot be lowered, and the jaws still hold it; it has slid out of them; or
            they cannot leave it.
        RobotError: the robot could not.
    """
    job.tell("lower", 0.96)
    closed, problem = job.robot.joint_state().gripper, ""
    try:
        _lower(job, plan)
    except (Slipped, TrackingError) as error:
        problem = f"{error}; the jaws still hold the object"
    if job.robot.joint_state().gripper - closed > SLID:
        problem = "the object slid out of the jaws on the way down"
    if problem:
        job.robot.hold()
        raise GraspError(ErrorCode.EXECUTION_FAILED, problem)
    job.tell("release", 0.98)
    try:
        _release(job, plan)
    except Slipped as error:
        raise GraspError(ErrorCode.EXECUTION_FAILED, f"put back, but {error}") from error


def _lower(job: Job, plan: Plan) -> None:
    """Straight to where the jaws closed, the last part slowly, or until what they hold stands."""
    arm, config = job.planner.arm, job.planner.config
    goal = arm.fk(plan.phases["touch"].positions[-1])[:3, 3]
    for above, speed in ((LANDING, config.approach_speed), (0.0, LANDING_SPEED)):
        way = goal + [0.0, 0.0, above] - job.gripper_pose()[:3, 3]
        motion = onward(job.planner.line, job.robot.joint_state().arm, way, speed)
        if follow_until_contact(job, motion):
            break
    early = float(job.gripper_pose()[2, 3] - goal[2])
    if early > EARLY:
        raise Slipped(f"something is in the way {early * 100:.0f} cm above where it stood")


def _release(job: Job, plan: Plan) -> None:
    """Open the jaws, take the fixed one off the object, and back out the way they came."""
    config, grasp = job.planner.config, plan.grasp
    job.robot.move_gripper(-grasp.preopening, *OPENING, job.cancelled)
    for offset, speed in (
        (-grasp.pose[:3, 2] * config.jaw_clearance / 2.0, config.touch_speed),
        (-grasp.approach * config.approach_distance, config.approach_speed),
    ):
        way = onward(job.planner.line, job.robot.joint_state().arm, offset, speed)
        job.robot.follow(way, job.cancelled)
