"""Content of a robot's file `config/robots/*.yaml`, typed and checked.

`m3_ros.robot_model.RobotModel` joins it with the URDF.
"""

from __future__ import annotations

from dataclasses import dataclass

from m3_ros.settings import ConfigError, Stage, required, setting


@dataclass(frozen=True)
class ControllerConfig(Stage):
    """A ros2_control controller: the arm's follows trajectories, the gripper's takes positions."""

    name: str = required("topics and actions begin with this name")


@dataclass(frozen=True)
class PrismConfig(Stage):
    """A convex polygon in the tool frame's x-z plane times |y| <= half_width."""

    polygon: tuple[tuple[float, float], ...] = required("corners x, z, counter-clockwise", "m")
    half_width: float = required("along y", "m", 1e-4, 1.0)


@dataclass(frozen=True)
class PivotConfig(Stage):
    """Jaws of which one is fixed and one rotates about the gripper joint's axis, the tool's y."""

    pad_radius: float = required("pivot to the middle of the moving pad", "m", 1e-3, 1.0)
    pad_half_width: float = required("of the pads along y", "m", 1e-4, 1.0)
    hold_x: float = required("x of the middle of the pads", "m", 0.0, 1.0)
    swept: tuple[float, float] = required("distances from the pivot between the jaws", "m", 0.0)
    ramp: tuple[float, float] = required("distances where the pocket rises to the pads", "m", 0.0)
    pocket: float = required("depth of the pocket behind the pads", "m", 0.0, 0.1)
    edge: float = required("width of the ramp's rounded edges", "m", 1e-5, 0.1)
    palm: PrismConfig = required("housing")
    fixed_jaw: tuple[PrismConfig, ...] = required("shapes of the fixed jaw")
    moving_jaw: tuple[PrismConfig, ...] = required("shapes of the moving jaw, about the pivot")


@dataclass(frozen=True)
class ParallelConfig(Stage):
    """Two jaws that move along z in opposite directions by the same distance."""

    pad_half_width: float = required("of the pads along y", "m", 1e-4, 1.0)
    hold_x: float = required("x of the middle of the pads", "m", 0.0, 1.0)
    palm: PrismConfig = required("housing")
    jaw: tuple[PrismConfig, ...] = required("shapes of the upper jaw, closed: its pad is z = 0")


@dataclass(frozen=True)
class GripperConfig(Stage):
    """A gripper: its joint, its limits and its shape.

    Openings are in the unit of the joint: rad where a jaw rotates, m where the jaws slide; efforts
    and speeds are N m and rad/s, or N and m/s. Exactly one of `pivot` and `parallel` is given.
    """

    joint: str = required("joint that moves the jaws; others may mimic it")
    links: tuple[str, ...] = required("links that may come close to the object")
    controller: ControllerConfig = required("of the gripper joint")
    closed_position: float = required("position of the joint with closed jaws")
    opening_per_position: float = required("change of the opening per change of the position")
    max_opening: float = required("widest opening", "", 1e-3)
    opening_step: float = required("between openings that are tried for clearance", "", 1e-4)
    empty_opening: float = required("jaws closed to less than this hold nothing", "", 0.0)
    max_slip: float = required("jaws that close further by this have lost the object", "", 0.0)
    max_width: float = required("widest part to close on", "m", 1e-3, 1.0)
    effort: float = required("effort of motions without load", "", 0.0)
    effort_range: tuple[float, float] = required("efforts that the controller accepts", "", 0.0)
    speed: float = required("speed of motions without load", "", 1e-4)
    closing_effort: float = required("effort that holds the object", "", 0.0)
    closing_speed: float = required("speed of closing on the object", "", 1e-4)
    pivot: PivotConfig | None = None
    parallel: ParallelConfig | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if (self.pivot is None) == (self.parallel is None):
            raise ConfigError("GripperConfig: give one of pivot and parallel")
        if self.opening_per_position == 0.0:
            raise ConfigError("GripperConfig.opening_per_position = 0.0: it must not be zero")

    @property
    def units(self) -> tuple[str, str]:
        """Units of the joint's position and effort."""
        return ("rad", "N m") if self.parallel is None else ("m", "N")

    def opening(self, position: float) -> float:
        """Return the opening at a position of the joint."""
        return self.opening_per_position * (position - self.closed_position)

    def position(self, opening: float) -> float:
        """Return the position of the joint at an opening."""
        return self.closed_position + opening / self.opening_per_position


@dataclass(frozen=True)
class ArmConfig(Stage):
    """An arm: its joints from the base outwards and its named postures."""

    joints: tuple[str, ...] = required("revolute joints from base to tool")
    tool_frame: str = required("link with x out of the palm and z in the closing direction")
    controller: ControllerConfig = required("of the arm's joints")
    postures: dict[str, tuple[float, ...]] = required("joint positions by name", "rad")
    ik_starts: tuple[tuple[float, ...], ...] = required(
        "starts of inverse kinematics, the first joint relative to the target's azimuth", "rad"
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("home", "scan"):
            if name not in self.postures:
                raise ConfigError(f"ArmConfig.postures lacks {name!r}")
        for values in (*self.postures.values(), *self.ik_starts):
            if len(values) != len(self.joints):
                raise ConfigError(
                    f"ArmConfig: posture {values} must have {len(self.joints)} values"
                )


@dataclass(frozen=True)
class BaseConfig(Stage):
    """A planar base, mobile or fixed."""

    height: float = required("of the base frame above the floor", "m", 0.0, 10.0)
    footprint: tuple[tuple[float, float], tuple[float, float]] = required("x and y range", "m")
    body_heights: tuple[float, float] = required("z range in which it meets obstacles", "m")
    velocity_limits: tuple[tuple[float, float], ...] = required(
        "lowest and highest forward and left speed (m/s) and yaw rate (rad/s)", length=3
    )
    acceleration: tuple[float, ...] = required(
        "forward, left, yaw", "m/s^2, rad/s^2", 0.0, length=3
    )


@dataclass(frozen=True)
class RobotFile(Stage):
    """Content of a file `config/robots/*.yaml`."""

    urdf: str = required("path of the URDF, in the package or relative to this file")
    arm: ArmConfig = required("the arm")
    gripper: GripperConfig = required("the gripper")
    base: BaseConfig = required("the base")
    lidar_frame: str = setting("", "link of the LiDAR; the base's when empty")
    controllers: str = setting(
        "", "path of the controllers' ROS parameter file, for bringup and simulation"
    )
    mjcf: str = setting(
        "",
        "path of an MJCF file with the URDF's links and joints, position actuators of the same "
        "names, base_x, base_y and base_yaw, a key home, and a camera wrist below camera_link",
    )
    mjcf_scene: str = setting("", "path of an MJCF scene that includes the robot")
