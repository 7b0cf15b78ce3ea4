"""Settings of motions that the robot's controllers execute."""

from __future__ import annotations

from dataclasses import dataclass

from m3_ros.settings import Stage, setting


@dataclass(frozen=True)
class MotionConfig(Stage):
    """Supervision of motions that the robot's controllers execute."""

    start_timeout: float = setting(5.0, "wait for the first joint states", "s", 0.1, 60.0)
    state_timeout: float = setting(
        1.0, "a motion stops when the joint states are older than this", "s", 0.05, 10.0
    )
    require_guard: bool = setting(True, "move only while the guard watches (docs/grasping.md)")
    # Six heartbeats: at rest within 0.5 s of a node's death, with 0.1 s for the controllers and
    # 0.1 s for delays.
    heartbeat_timeout: float = setting(
        0.3,
        "the guard stops the robot when heartbeats of a node whose process it cannot see, on "
        "another machine or in another container, stay away for this long",
        "s",
        0.1,
        2.0,
    )
    hang_timeout: float = setting(
        1.0,
        "a motion stops when the guard, or the moving node, lives but is silent for this long",
        "s",
        0.2,
        30.0,
    )
    frame_timeout: float = setting(15.0, "wait for a camera frame", "s", 0.1, 120.0)
    query_timeout: float = setting(20.0, "wait for /m3/query and for its answer", "s", 0.1, 300.0)
    # A controller that is missing or dies is named within 2 s, with the delays of both processes.
    controller_timeout: float = setting(
        1.5,
        "wait for a controller, for its answer to a goal, and for its signs in a motion",
        "s",
        0.2,
        30.0,
    )
    goal_tolerance: float = setting(
        0.04, "largest joint error at the end of a trajectory without an action", "rad", 0.001, 0.5
    )
    path_tolerance: float = setting(
        0.35,
        "an arm without an action stops when a joint is this far off its trajectory; of one with "
        "an action, a goal that ends so far off it has failed",
        "rad",
        0.01,
        3.0,
    )
    goal_timeout: float = setting(
        3.0, "time after a trajectory's end to come within the tolerance", "s", 0.0, 60.0
    )
    gripper_timeout: float = setting(
        5.0, "time that the gripper may take longer than its speed says", "s", 0.1, 60.0
    )
    base_timeout: float = setting(90.0, "longest drive of the base", "s", 1.0, 600.0)
    base_settle_time: float = setting(
        0.5, "rest after a drive, in which body and odometry settle", "s", 0.0, 10.0
    )
