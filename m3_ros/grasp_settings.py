"""Settings of the grasp stage, a part of `m3_ros.config`."""

from __future__ import annotations

from dataclasses import dataclass

from m3_ros.settings import Stage, setting


@dataclass(frozen=True)
class GraspConfig(Stage):
    """Candidates, motion limits, checks and retries of a grasp."""

    max_joint_velocity: float = setting(1.0, "peak joint speed", "rad/s", 0.01, 3.1415)
    max_joint_acceleration: float = setting(4.0, "peak joint acceleration", "rad/s^2", 0.1, 20.0)
    approach_speed: float = setting(0.10, "peak speed of the straight approach", "m/s", 0.01, 0.5)
    touch_speed: float = setting(0.03, "speed of the sideways touch", "m/s", 0.005, 0.2)
    lift_speed: float = setting(0.15, "peak speed of the lift", "m/s", 0.01, 0.5)
    base_speed: float = setting(0.15, "peak speed of the base", "m/s", 0.01, 0.8)
    base_yaw_rate: float = setting(0.15, "peak turning rate of the base", "rad/s", 0.01, 0.75)
    contact_effort: float = setting(
        4.0, "change of an arm joint's torque that ends the approach", "N m", 0.5, 60.0
    )
    wedge_force: float = setting(
        4.0, "jaws that are pushed up by more than this do not squeeze", "N", 0.0, 100.0
    )
    closing_contact_effort: float = setting(
        8.0, "change of an arm joint's torque that stops the closing jaws", "N m", 0.5, 60.0
    )
    # Six messages of a driver at 20 Hz, the slowest usual rate: more than jitter or one lost.
    contact_timeout: float = setting(
        0.3, "in contact the arm stops when no new joint states come for this long", "s", 0.1, 10.0
    )
    settle_effort_share: float = setting(
        0.5, "share of the closing effort until the jaws have settled on the object", "", 0.1, 1.0
    )
    settle_distance: float = setting(
        0.009, "the jaws move on this far to settle on the object", "m", 0.0, 0.03
    )
    hold_time: float = setting(1.5, "the object must stay in the jaws for", "s", 0.1, 10.0)
    landing_distance: float = setting(0.02, "last part of putting back, slow", "m", 0.0, 0.1)
    landing_speed: float = setting(0.01, "peak speed of that part", "m/s", 0.002, 0.1)
    obstacle_height: float = setting(
        0.03, "what stops putting back this far above the place is an obstacle", "m", 0.005, 0.2
    )
    approach_distance: float = setting(0.10, "length of the straight approach", "m", 0.02, 0.3)
    lift_height: float = setting(0.13, "height of the lift", "m", 0.01, 0.5)
    jaw_clearance: float = setting(0.015, "free space on each side before closing", "m", 0.0, 0.05)
    table_clearance: float = setting(0.004, "jaw tips stay above the table by", "m", 0.0, 0.05)
    scene_clearance: float = setting(0.005, "arm and jaws stay off other things by", "m", 0.0, 0.1)
    look_distance: float = setting(0.28, "camera to object when looking again", "m", 0.1, 1.0)
    robot_padding: float = setting(
        0.02, "depth this near to a link shows the robot itself", "m", 0.0, 0.1
    )
    position_tolerance: float = setting(
        0.012, "depth this near to a known surface shows that surface", "m", 0.002, 0.05
    )
    max_shift: float = setting(
        0.015, "most by which remembered points move onto the camera's depth", "m", 0.0, 0.05
    )
    context_radius: float = setting(
        0.04, "points this near to the object help to find that shift", "m", 0.0, 0.2
    )
    present_share: float = setting(
        0.6, "share of an object's points that depth confirms where it stands", "", 0.1, 1.0
    )
    held_share: float = setting(
        0.2, "share of them that depth confirms between the jaws", "", 0.0, 1.0
    )
    held_reach: float = setting(
        0.15, "what is held reaches at most this far from the jaws' tips", "m", 0.02, 0.5
    )
    held_clearance: float = setting(
        0.05,
        "arm and jaws stay off other things by this while they carry, if they can",
        "m",
        0.0,
        0.3,
    )
    free_radius: float = setting(
        0.10, "free space around a spot on which something is put down", "m", 0.02, 0.5
    )
    max_attempts: int = setting(3, "grasps tried before giving up", "", 1, 10)
    drive_base: bool = setting(True, "drive the base when the arm cannot reach")
    scan_center: tuple[float, ...] = setting(
        (0.75, 0.0, -0.05), "middle of the scanned region, in base_link", "m", length=3
    )
    scan_radius: float = setting(0.3, "camera to the middle while scanning", "m", 0.15, 0.6)
    scan_views: int = setting(60, "viewpoints of a scan", "", 10, 200)
