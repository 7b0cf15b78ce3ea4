"""Reader of a ROS 2 bag's files: which topics have which role, and their messages."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

import yaml
from rosbags.highlevel import AnyReader
from rosbags.typesys import Stores, get_typestore

from m3_ros.capture.messages import COMPRESSED_SUFFIXES
from m3_ros.capture.scan import ScanError
from m3_ros.config import RobotConfig

logger = logging.getLogger(__name__)

ROLES = {
    "color": "sensor_msgs/msg/Image",
    "depth": "sensor_msgs/msg/Image",
    "camera_info": "sensor_msgs/msg/CameraInfo",
}
"""Roles of the camera's topics (`robot.ROLE_topic`), and their types."""

FILE_TYPES = (".mcap", ".db3")
ROS1_TYPE = ".bag"
METADATA, INFORMATION = "metadata.yaml", "rosbag2_bagfile_information"


def is_bag(source: Path) -> bool:
    """Return whether a path is a bag: its folder, or one of its files; also one of ROS 1."""
    return (
        source.suffix == ROS1_TYPE
        or source.suffix in FILE_TYPES
        or (source / METADATA).is_file()
        or bool(_files(source))
    )


def _files(folder: Path) -> list[Path]:
    """Return the recording's files in a folder."""
    return sorted(path for path in folder.glob("*") if path.suffix in FILE_TYPES)


def _readers(source: Path) -> list[Path]:
    """Return the paths to open: the bag, or its files where `metadata.yaml` is missing.

    Raises:
        ScanError: the files cannot be read without it.
    """
    if source.suffix == ROS1_TYPE:
        raise ScanError(
            f"{source} is a bag of ROS 1: `rosbags-convert --src {source} --dst "
            f"{source.with_suffix('')}` makes one of ROS 2; recordings of the RealSense viewer "
            "hold no poses, and cannot be used"
        )
    files = _files(source)
    for path in files:
        if path.exists() and not path.is_file():  # a pipe would be waited for
            raise ScanError(f"{path} is no file; it must be a recording")
    if not source.is_dir() or (source / METADATA).is_file():
        _check_metadata(source / METADATA)
        return [source]
    if any(path.suffix != ".mcap" for path in files):
        raise ScanError(
            f"{source} has no {METADATA}, without which {files[0].name} cannot be read; "
            f"`ros2 bag reindex {source}` makes it"
        )
    return files


def _check_metadata(path: Path) -> None:
    """Check that a bag's `metadata.yaml`, if there is one, is what `ros2 bag` writes.

    Raises:
        ScanError: it is not.
    """
    if not path.is_file():
        return
    remedy = f"`ros2 bag reindex {path.parent}` makes it anew"
    try:
        text = path.read_text("utf-8-sig")
        content = yaml.load(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader))
        if not isinstance(content[INFORMATION]["relative_file_paths"], list):
            raise TypeError
    except (OSError, UnicodeDecodeError, yaml.YAMLError, RecursionError) as error:
        reason = " ".join(str(error).split())[:200]
        raise ScanError(f"{path} is no YAML that can be read: {reason}; {remedy}") from error
    except (KeyError, TypeError, IndexError) as error:
        rule = f"must hold {INFORMATION} with a list relative_file_paths"
        raise ScanError(f"{path} is not that of a bag; it {rule}; {remedy}") from error


@contextmanager
def open_bag(source: Path) -> Iterator[AnyReader]:
    """Open a bag; all errors of the reader become `ScanError`."""
    # Definitions for bags without their own; what Humble and Jazzy record there is the same.
    typestore = get_typestore(Stores.ROS2_JAZZY)
    try:
        with AnyReader(_readers(source), default_typestore=typestore) as reader:
            yield reader
    except ScanError:
        raise
    except Exception as error:  # damaged bytes make the reader raise anything
        reason = " ".join(str(error).split()) or repr(error)
        raise ScanError(
            f"{source} is no ROS 2 bag that can be read: {reason}; {_remedy(source)}"
        ) from error


def _remedy(source: Path) -> str:
    """Return how a recording that was cut short is made whole."""
    files = [source] if source.is_file() else _files(source)
    if any(path.suffix == ".mcap" for path in files):
        return f"where it was cut short, `mcap recover {files[0]} -o whole.mcap` helps"
    return f"where it was cut short, `ros2 bag reindex {source}` may help"


def topic_roles(source: Path, types: dict[str, str], robot: RobotConfig) -> dict[str, str]:
    """Return the role of each topic.

    Depth may be missing, unless a topic of another name looks like depth. A D405 may call its
    colour image_rect_raw; images may be recorded compressed only. The role `depth_info` is there
    where depth has a camera info of its own.
    """
    roles = {"/tf": "moving", "/tf_static": "fixed"}
    for role, kind in ROLES.items():
        topic = "/" + getattr(robot, f"{role}_topic").lstrip("/")  # bags hold full names
        names = [topic, topic.replace("/image_raw", "/image_rect_raw")]
        found = [name for name in names if types.get(name) == kind]
        packed = [name + suffix for suffix in COMPRESSED_SUFFIXES[role] for name in names]
        found += [name for name in packed if types.get(name) == "sensor_msgs/msg/CompressedImage"]
        if not found and role == "depth" and not any("depth" in name for name in types):
            logger.warning(
                "%s has no topic %s (robot.depth_topic) and no other of depth: a scan of colour "
                "only", *(source, topic),
            )  # fmt: skip
            continue
        if not found:
            there = ", ".join(f"{name} ({types[name]})" for name in sorted(types)) or "none"
            raise ScanError(
                f"{source} has no topic {topic} (robot.{role}_topic) of {kind}; it has {there}"
            )
        roles[found[0]] = role
    info = depth_info_topic(robot)
    if types.get(info) == ROLES["camera_info"]:
        roles.setdefault(info, "depth_info")
    return roles


def depth_info_topic(robot: RobotConfig) -> str:
    """Return the topic of depth's own camera info: beside the images, image_transport's rule."""
    return "/" + robot.depth_topic.lstrip("/").rpartition("/")[0] + "/camera_info"


def messages(
    reader: AnyReader, roles: dict[str, str], wanted: Collection[str]
) -> Iterator[tuple[str, object]]:
    """Yield role and content of all messages of the wanted roles, in the order of recording."""
    connections = [c for c in reader.connections if roles.get(c.topic) in wanted]
    for connection, _, raw in reader.messages(connections=connections):
        yield roles[connection.topic], reader.deserialize(raw, connection.msgtype)
