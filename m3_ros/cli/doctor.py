"""`m3 doctor`: what of this machine m3 can use, and what to do about the rest."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

from m3_ros.cli.app import FAILED, OK, app, settings_from
from m3_ros.cli.ros import ros_problem
from m3_ros.config import M3Config
from m3_ros.files import user_path
from m3_ros.resources import resource
from m3_ros.settings import to_dict

PACKAGES = {
    "numpy": "numpy", "torch": "torch", "scipy": "scipy", "cv2": "opencv-python-headless",
    "open_clip": "open_clip_torch", "pinocchio": "pin", "coal": "coal", "ruckig": "ruckig",
    "mujoco": "mujoco",
}  # fmt: skip
"""Modules that every use needs, and the distributions that have them."""
BYTES_PER_FRAME = 1280 * 720 * (3 + 2)
"""Upper bound of a keyframe on disk: uncompressed 8-bit colour and 16-bit depth at 720p."""


@dataclass(frozen=True)
class Check:
    """One line of the report.

    Attributes:
        subject: what was examined.
        found: what is there.
        remedy: what to do; empty where all is well.
        required: whether m3 is of no use until that is done.
    """

    subject: str
    found: str
    remedy: str = ""
    required: bool = False

    def __str__(self) -> str:
        state = "ok" if not self.remedy else "FAIL" if self.required else "note"
        return f"{state:<5} {self.subject:<22} {self.found}" + (
            f"; {self.remedy}" if self.remedy else ""
        )


@app.command
def doctor(config: Path | None = None) -> int:
    """Say what m3 finds on this machine and what to do about the rest; 0 when it is usable.

    Args:
        config: YAML file of settings; its topics and folders are examined.
    """
    settings = settings_from(config)
    usable = True
    for checks in (versions(), device(), weights(), ros(settings), disk(settings)):
        for check in checks:
            print(check, flush=True)
            usable &= not (check.remedy and check.required)
    return OK if usable else FAILED


def versions() -> Iterator[Check]:
    """Yield Python, m3_ros and the packages that it needs."""
    python = ".".join(map(str, sys.version_info[:3]))
    old = sys.version_info < (3, 10)
    yield Check("python", f"{python}, {sys.executable}", "use 3.10 or later" if old else "", True)
    yield Check("m3_ros", f"{_version('m3_ros')}, {Path(__file__).parents[1]}")
    for module, distribution in PACKAGES.items():
        here = find_spec(module) is not None
        found = _version(distribution) if here else "absent"
        remedy = "" if here else f"install it: pip install {distribution}"
        yield Check(module, found, remedy, True)


def device() -> Iterator[Check]:
    """Yield the CPU kernels, CUDA, and gsplat where CUDA needs it."""
    import torch

    from m3_ros.splat import native

    try:
        native.library()
        yield Check("CPU rasterizer", f"{native.isa()}, {torch.get_num_threads()} threads")
    except (ImportError, KeyError, OSError) as error:
        yield Check("CPU rasterizer", "cannot be loaded", str(error), True)
    cuda = torch.cuda.is_available()
    device_name = f"{torch.cuda.get_device_name()}, CUDA {torch.version.cuda}" if cuda else ""
    yield Check("CUDA", device_name or "no device; everything runs on the CPU")
    here = find_spec("gsplat") is not None
    remedy = "to fit on the GPU, install it: pip install gsplat" if cuda and not here else ""
    yield Check("gsplat", _version("gsplat") if here else "absent", remedy)


def weights() -> Iterator[Check]:
    """Yield the foundation models."""
    from m3_ros.features.model_cards import CARDS

    for card in CARDS:
        if card.repositories:
            remedy = "" if card.present else "if you want it: `m3 models` has the commands"
            yield Check(f"model {card.name}", "present" if card.present else "absent", remedy)
            continue
        folders = find_spec(f"m3_ros.features.{card.name}").submodule_search_locations
        present = any(any(Path(folder).glob("*.safetensors")) for folder in folders)
        remedy = "" if present else f"install m3_ros anew: {folders[0]} has no weights"
        yield Check(f"model {card.name}", "present" if present else "absent", remedy, True)


def ros(config: M3Config) -> Iterator[Check]:
    """Yield ROS 2, its middleware, and who publishes the inputs of the nodes."""
    problem = ros_problem()
    if problem:
        yield Check("ROS 2", "only the library and its commands work", problem)
        return
    from m3_ros.nodes.publishers import middleware, publishers

    distro = os.environ.get("ROS_DISTRO") or f"rclpy {_version('rclpy')}"
    yield Check("ROS 2", f"{distro}, messages of m3_ros built")
    name, profile = middleware(), os.environ.get("FASTRTPS_DEFAULT_PROFILES_FILE")
    remedy = ""
    if name == "rmw_fastrtps_cpp" and not profile:
        file = resource("config/fastdds.xml")
        remedy = f"so that images arrive whole: export FASTRTPS_DEFAULT_PROFILES_FILE={file}"
    yield Check("middleware", f"{name}, profile {profile or 'none'}", remedy)
    domain = os.environ.get("ROS_DOMAIN_ID", "0")
    reach = os.environ.get("ROS_AUTOMATIC_DISCOVERY_RANGE", "SUBNET")
    yield Check("domain", f"ROS_DOMAIN_ID {domain}, discovery {reach}")
    inputs = _inputs(config)
    try:
        found = publishers([name for names, _ in inputs for name in names])
    except RuntimeError as error:
        yield Check("topics", "cannot be read", str(error))
        return
    for names, remedy in inputs:
        nodes = sorted({node for name in names for node in found[name]})
        said = f"published by {', '.join(nodes)}" if nodes else "nobody publishes it"
        yield Check(names[0], said, "" if nodes else remedy)


def disk(config: M3Config) -> Iterator[Check]:
    """Yield the free space where scans and memories go: a scan of `scan.max_frames` should fit."""
    needed = config.scan.max_frames * BYTES_PER_FRAME
    for setting in ("scans", "memory"):
        folder = user_path(getattr(config.storage, setting))
        existing = next(path for path in (folder, *folder.absolute().parents) if path.exists())
        free = shutil.disk_usage(existing).free
        remedy = "" if free >= needed else (
            f"a scan of scan.max_frames = {config.scan.max_frames} may take "
            f"{needed / 1e9:.1f} GB: free some, or set storage.{setting} to a folder elsewhere"
        )  # fmt: skip
        yield Check(f"disk of {setting}", f"{free / 1e9:.1f} GB free in {folder}", remedy)


def _version(distribution: str) -> str:
    try:
        return version(distribution)
    except PackageNotFoundError:  # a package of the system, or of a ROS workspace
        return "present, version unknown"


def _inputs(config: M3Config) -> list[tuple[tuple[str, ...], str]]:
    """Return the topics that the nodes read, each with its other names, and how to get it."""
    names = {
        key: "/" + name.lstrip("/")
        for key, name in to_dict(config)["robot"].items()
        if key.endswith("_topic")
    }
    camera = (
        "start the camera (realsense2_camera with align_depth.enable:=true enable_sync:=true), "
        "or `m3 up simulation`"
    )
    images = [
        tuple(dict.fromkeys((topic, topic.replace("/image_raw", "/image_rect_raw"))))
        for topic in (names[f"{role}_topic"] for role in ("color", "depth", "camera_info"))
    ]
    joints = "start the arm's joint_state_broadcaster, or `m3 up simulation`"
    transforms = "start LiDAR odometry and robot_state_publisher, or `m3 up simulation`"
    return [
        *((topics, camera) for topics in images),
        ((names["joint_states_topic"],), joints),
        (("/tf",), transforms),
        (("/tf_static",), transforms),
    ]
