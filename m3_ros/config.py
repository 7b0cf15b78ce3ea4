"""Settings of every stage: frozen dataclasses with units and bounds, YAML in and out.

One field is declared once, here: its default, unit, bounds and meaning become the YAML file, the
ROS parameter with its descriptor, the command-line option and the table in the README. A value
outside its rule raises `ConfigError`, which names field, value and rule.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

from m3_ros.capture_settings import EgoMaskConfig, PhotographConfig, ScanConfig
from m3_ros.grasp_settings import GraspConfig
from m3_ros.memory_settings import MemoryConfig, SplatConfig
from m3_ros.motion_settings import MotionConfig
from m3_ros.robot_settings import RobotConfig
from m3_ros.settings import ConfigError, Stage, read_settings, setting


@dataclass(frozen=True)
class StorageConfig(Stage):
    """Where the nodes keep scans and memories; `~` is the home folder."""

    scans: str = setting(
        "~/m3/scans", "folder of scans; each scan gets a subfolder by its time", nonempty=True
    )
    memory: str = setting("~/m3/memory", "memory folder that is built and queried", nonempty=True)


@dataclass(frozen=True)
class FeatureConfig(Stage):
    """Foundation models whose features the memory keeps."""

    models: tuple[str, ...] = setting(
        ("compact",),
        "name or name:weights of models, see docs/models.md; the first answers text",
        nonempty=True,
    )
    device: str = setting(
        "auto",
        "torch device of models, fit and lifting: cpu, cuda, cuda:N, or auto: cuda where torch "
        "and gsplat can use it",
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if not re.fullmatch(r"auto|cpu|cuda(:\d{1,3})?", self.device):
            rule = "it must be one of auto, cpu, cuda, cuda:N"
            raise ConfigError(f"FeatureConfig.device = {self.device!r}: {rule}")


@dataclass(frozen=True)
class QueryConfig(Stage):
    """Segments of the memory, their scores, and the live frame that verifies them."""

    max_query_length: int = setting(300, "longest text accepted", "characters", 1, 100_000)
    min_segment_area: float = setting(0.0015, "least surface of a segment", "m^2", 0.0)
    min_reliability: float = setting(
        0.2, "Gaussians whose features are less reliable belong to no segment", "", 0.0, 1.0
    )
    plane_distance: float = setting(
        0.005, "points this near a large plane belong to it", "m", 0.0, 0.1
    )
    min_plane_area: float = setting(
        0.055, "least connected area of a plane that carries objects", "m^2", 0.0
    )
    mixed_height: float = setting(
        0.012, "below this height above a plane features show object and plane mixed", "m", 0.0
    )
    support_gap: float = setting(
        0.03, "an object whose lowest point is this near above a plane stands on it", "m", 0.0
    )
    attached_share: float = setting(
        0.6, "a lid or stem has at most this share of the object's surface", "", 0.0, 1.0
    )
    attached_offset: float = setting(
        0.01, "largest offset of the upright axes of an object and its lid or stem", "m", 0.0
    )
    found_probability: float = setting(0.4, "least probability of a target", "", 0.0, 1.0)
    uncertain_probability: float = setting(
        0.2,
        "less probable targets are not listed; those below `found_probability` are UNCERTAIN",
        "",
        0.0,
        1.0,
    )
    presence: str = setting(
        "",
        "must see a found object in the live frame, else it is UNCERTAIN: sam3, sam3:FOLDER; "
        "empty: none",
    )
    ambiguity_share: float = setting(
        0.9,
        "targets with at least this share of the best one's probability are as good",
        "",
        0.0,
        1.0,
    )
    comparison_width: int = setting(
        160, "width of the image in which memory and live frame are compared", "px", 16, 1280
    )
    agreement_gate: float = setting(0.02, "largest memory-to-live depth difference", "m", 0.0, 1.0)
    new_distance: float = setting(
        0.015, "live points this far from all segments belong to something new", "m", 0.0, 1.0
    )
    min_in_image: float = setting(
        0.3,
        "an object with a smaller share of its points in the image is out of view",
        "",
        0.0,
        1.0,
    )
    min_pixels: int = setting(
        12, "fewer pixels of the comparison image show no object", "px", 1, 100_000
    )
    min_measured: float = setting(
        0.2, "with a smaller share of pixels with depth an object has no depth", "", 0.0, 1.0
    )
    min_agree: float = setting(
        0.4, "an object with this share of agreeing depth is still there", "", 0.0, 1.0
    )
    min_appearance_pixels: int = setting(
        60, "fewer agreeing pixels do not show what an object is", "px", 1, 100_000
    )
    border_share: float = setting(
        0.15, "nearer to the picture's border, by its size, appearance is uncertain", "", 0.0, 0.5
    )
    appearance_angles: float = setting(
        2.75, "largest difference of appearance, in angles of the memory's bank", "", 0.0, 10.0
    )


@dataclass(frozen=True)
class SimulationConfig(Stage):
    """The simulated robot, its sensors' errors and its room."""

    seed: int = setting(0, "seed of scene and sensor noise", "", 0)
    scene: str = setting("", "scene.yaml to load; a random scene of `seed` when empty")
    state: str = setting(
        "", "file that `m3 bench stops` made: start there instead of at home; empty: home"
    )
    objects: int = setting(8, "objects of a random scene", "", 0, 20)
    include: tuple[str, ...] = setting(("yellow bath duck",), "objects a random scene must have")
    exclude: tuple[str, ...] = setting((), "objects a random scene must not have")
    width: int = setting(640, "width of the wrist camera's image", "px", 16, 1280)
    height: int = setting(480, "height of the wrist camera's image", "px", 16, 960)
    focal_length: float = setting(382.26, "of the wrist camera, fx = fy", "px", 10.0, 10_000.0)
    principal_offset: tuple[float, ...] = setting(
        (1.4, 1.7), "principal point off the image centre, x y", "px", -100.0, 100.0, length=2
    )
    camera_rate: float = setting(5.0, "wrist camera frames", "Hz", 0.1, 90.0)
    joint_rate: float = setting(50.0, "joint states", "Hz", 1.0, 500.0)
    odometry_topic: str = setting("Odometry", "LiDAR odometry; the nodes take poses from TF")
    odom_frame: str = setting("odom", "REP-105's frame between world and base; empty: none")
    odometry_rate: float = setting(10.0, "LiDAR odometry", "Hz", 0.1, 200.0)
    sensor: str = setting(
        "d405",
        "noisy: twice the depth errors, flying pixels, holes, depth off by 2 px, auto-exposure",
        choices=("d405", "noisy"),
    )
    depth_noise: float = setting(
        1.0, "scale of the sensor's depth errors; 0 is perfect", "", 0.0, 10
    )
    depth_range: tuple[float, ...] = setting(
        (0.07, 2.0), "nearest and farthest depth measured", "m", 0.0, 30.0, length=2
    )
    baseline: float = setting(
        0.018, "distance of the depth camera's imagers; its errors fall with it", "m", 1e-3, 1.0
    )
    color_noise: float = setting(2.0, "standard deviation of a colour channel", "of 255", 0.0, 50)
    odometry_noise: tuple[float, ...] = setting(
        (0.001, 0.0005), "standard deviation of position (m) and yaw (rad)", "", 0.0, 1.0, length=2
    )
    odometry_drift: tuple[float, ...] = setting(
        (0.003, 0.003),
        "error per m driven (m/m) and per rad turned (rad/rad)",
        "",
        0.0,
        1.0,
        length=2,
    )
    mount_error: tuple[float, ...] = setting(
        (0.0, 0.0), "true camera mount off the URDF's by (m) and (rad)", "", 0.0, 0.5, length=2
    )
    base_timeout: float = setting(0.5, "the base stops this long after a command", "s", 0.05, 10)

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.depth_range[0] < self.depth_range[1]:
            raise ConfigError(
                f"SimulationConfig.depth_range = {self.depth_range}: the first must be the less"
            )


@dataclass(frozen=True)
class ViewerConfig(Stage):
    """The page of the node `viewer` in the browser."""

    host: str = setting("127.0.0.1", "address to listen at; 0.0.0.0: every one of the machine")
    port: int = setting(8080, "to listen at", "", 1, 65535)
    allow_control: bool = setting(
        False, "let the page move the robot also where `host` is not this machine alone"
    )


@dataclass(frozen=True)
class M3Config:
    """Everything, one group a stage; the file `config/m3.yaml` holds the same names."""

    robot: RobotConfig = field(default_factory=RobotConfig)
    storage: StorageConfig = field(default_factory=StorageConfig)
    scan: ScanConfig = field(default_factory=ScanConfig)
    photographs: PhotographConfig = field(default_factory=PhotographConfig)
    ego_mask: EgoMaskConfig = field(default_factory=EgoMaskConfig)
    splat: SplatConfig = field(default_factory=SplatConfig)
    features: FeatureConfig = field(default_factory=FeatureConfig)
    memory: MemoryConfig = field(default_factory=MemoryConfig)
    query: QueryConfig = field(default_factory=QueryConfig)
    grasp: GraspConfig = field(default_factory=GraspConfig)
    motion: MotionConfig = field(default_factory=MotionConfig)
    simulation: SimulationConfig = field(default_factory=SimulationConfig)
    viewer: ViewerConfig = field(default_factory=ViewerConfig)


def load_config(path: str | Path) -> M3Config:
    """Read an `M3Config` from a YAML file, bare or as ROS parameters (`/**: ros__parameters:`).

    Raises:
        ConfigError: the file is missing, is not YAML, or a setting breaks its rule.
    """
    return read_settings(M3Config, Path(path), "config file")
