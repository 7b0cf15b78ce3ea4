"""Reader of a ROS 2 bag's files: which topics have which role, and their messages."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

from rosbags.highlevel import AnyReader
from rosbags.typesys import Stores, get_typestore

from m3_ros.capture.importers.bag_metadata import METADATA, read_file_names
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
PACKED_TYPE = ".zstd"
TRANSFORMS = "tf2_msgs/msg/TFMessage"


def is_bag(source: Path) -> bool:
    """Return whether a path is a bag: its folder, or one of its files; also one of ROS 1."""
    return _is_file(source) or (source / METADATA).is_file() or bool(_files(source))


def _is_file(path: Path) -> bool:
    """Return whether a path has the ending of a recording, packed ones and ROS 1 included."""
    ending = Path(path.stem).suffix if path.suffix == PACKED_TYPE else path.suffix
    return ending in (*FILE_TYPES, ROS1_TYPE)


def _files(folder: Path) -> list[Path]:
    """Return the recording's files in a folder."""
    return sorted(path for path in folder.glob("*") if _is_file(path))


def _readers(source: Path) -> list[Path]:
    """Return the paths to open: the bag, or its files where `metadata.yaml` is missing.

    Raises:
        ScanError: the files cannot be read without it.
    """
    files = _files(source) if source.is_dir() else [source]
    for path in files:
        if path.exists() and not path.is_file():  # a pipe would be waited for
            raise ScanError(f"{path} is no file; it must be a recording")
    if (source / METADATA).is_file():
        read_file_names(source)
        return [source]
    beside = files[0].parent / METADATA
    if source.is_file() and beside.is_file() and read_file_names(beside.parent) == [source.name]:
        return [source.parent]
    for path in files:
        if path.suffix == ROS1_TYPE:
            raise ScanError(
                f"{path} is a bag of ROS 1: `rosbags-convert --src {path} --dst "
                f"{path.with_suffix('')}` makes one of ROS 2; recordings of the RealSense viewer "
                "hold no poses, and cannot be used"
            )
        if path.suffix == PACKED_TYPE:
            raise ScanError(
                f"{path} is packed, and there is no {METADATA} that says how: `zstd -d {path}` "
                "unpacks it"
            )
    if not source.is_dir():
        return [source]
    if any(path.suffix != ".mcap" for path in files):
        raise ScanError(
            f"{source} has no {METADATA}, without which {files[0].name} cannot be read; "
            f"`ros2 bag reindex {source}` makes it"
        )
    return files


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
    if not files:
        return f"`ros2 bag reindex {source}` makes its {METADATA} anew"
    file = next((path for path in files if path.exists()), files[0])
    if file.suffix == ".mcap":
        return f"where it was cut short, `mcap recover {file} -o whole.mcap` helps"
    if file.suffix == PACKED_TYPE:
        return "where it was cut short, there is no remedy"
    return f"where it was cut short, `sqlite3 {file} .recover | sqlite3 whole.db3` may help"


def topic_roles(source: Path, types: dict[str, str], robot: RobotConfig) -> dict[str, str]:
    """Return the role of each topic.

    Depth may be missing, unless a topic of another name looks like depth. A D405 may call its
    colour image_rect_raw; images may be recorded compressed only. The role `depth_info` is there
    where depth has a camera info of its own.
    """
    roles = {"/tf": "moving", "/tf_static": "fixed"}
    for topic in roles:
        if types.get(topic, TRANSFORMS) != TRANSFORMS:
            raise ScanError(f"{source} has {topic} of {types[topic]}; it must be {TRANSFORMS}")
    if "/tf" not in types and "/tf_static" not in types:
        raise ScanError(
            f"{source} has neither a topic /tf nor /tf_static, without which nobody knows where "
            "the camera was; record them too"
        )
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
