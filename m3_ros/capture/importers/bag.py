"""Importer of ROS 2 bags (MCAP or SQLite), without ROS.

A bag is read twice: first transforms and stamps, from which keyframes are selected as in a live
scan; then the images of the keyframes.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rosbags.highlevel import AnyReader
from rosbags.typesys import Stores, get_typestore

from m3_ros.capture.frame import RgbdFrame
from m3_ros.capture.importers.imported import Imported
from m3_ros.capture.keyframes import KeyframeSelector
from m3_ros.capture.messages import to_frame, to_pose, to_seconds
from m3_ros.capture.scan import ScanError
from m3_ros.capture.transform_buffer import TransformBuffer, TransformError
from m3_ros.config import M3Config, RobotConfig

ROLES = {
    "color": "sensor_msgs/msg/Image",
    "depth": "sensor_msgs/msg/Image",
    "camera_info": "sensor_msgs/msg/CameraInfo",
}
"""Roles of the camera's topics (`robot.ROLE_topic`), and their types."""

COMPRESSED_SUFFIXES = {
    "color": ("/compressed",),
    "depth": ("/compressedDepth", "/compressed"),
    "camera_info": (),
}
"""Suffixes that image_transport gives topics of sensor_msgs/CompressedImage."""


@dataclass
class _Recorded:
    """Contents of a bag besides images: their stamps (s), frames, transforms, intrinsics."""

    colors: list[tuple[float, str]] = field(default_factory=list)
    depths: list[float] = field(default_factory=list)
    tree: TransformBuffer = field(default_factory=lambda: TransformBuffer(max_age=float("inf")))
    info: object = None


@dataclass(frozen=True)
class _Keyframe:
    """Stamps (s) of a keyframe's images, and `T_world_camera [4, 4]`."""

    color: float
    depth: float
    camtoworld: NDArray[np.float64]

    @property
    def images(self) -> tuple[tuple[str, float], tuple[str, float]]:
        """Roles and stamps of the two images."""
        return ("color", self.color), ("depth", self.depth)


def matches(source: Path) -> bool:
    """Return whether a path is a ROS 2 bag: its folder, or one of its files."""
    return source.suffix in (".mcap", ".db3") or (source / "metadata.yaml").is_file()


def read(source: Path, config: M3Config) -> Imported:
    """Open a bag.

    Args:
        source: the bag's folder, or its .mcap file.
        config: names of topics and frames (`robot`), and which frames are kept (`scan`).

    Raises:
        ScanError: the bag cannot be read, lacks a topic, or has no usable frame; says why.
    """
    with _open(source) as reader:
        types = {connection.topic: connection.msgtype for connection in reader.connections}
        roles = _roles(source, types, config.robot)
        recorded = _record(reader, roles)
    keyframes = _choose(source, recorded, config)
    return Imported(len(keyframes), _frames(source, roles, keyframes, recorded.info))


@contextmanager
def _open(source: Path) -> Iterator[AnyReader]:
    """Open a bag; all errors of the reader become `ScanError`."""
    # Definitions for bags without their own; what Humble and Jazzy record there is the same.
    typestore = get_typestore(Stores.ROS2_JAZZY)
    try:
        with AnyReader([source], default_typestore=typestore) as reader:
            yield reader
    except ScanError:
        raise
    except Exception as error:  # damaged bytes make the reader raise anything
        raise ScanError(
            f"{source} is no ROS 2 bag that can be read: {error or repr(error)}"
        ) from error


def _roles(source: Path, types: dict[str, str], robot: RobotConfig) -> dict[str, str]:
    """Return the role of each topic.

    A D405 may call its colour image_rect_raw; images may be recorded compressed only.
    """
    roles = {"/tf": "moving", "/tf_static": "fixed"}
    for role, kind in ROLES.items():
        topic = getattr(robot, f"{role}_topic")
        names = [topic, topic.replace("/image_raw", "/image_rect_raw")]
        found = [name for name in names if types.get(name) == kind]
        packed = [name + suffix for suffix in COMPRESSED_SUFFIXES[role] for name in names]
        found += [name for name in packed if types.get(name) == "sensor_msgs/msg/CompressedImage"]
        if not found:
            there = ", ".join(f"{name} ({types[name]})" for name in sorted(types)) or "none"
            raise ScanError(
                f"{source} has no topic {topic} (robot.{role}_topic) of {kind}; it has {there}"
            )
        roles[found[0]] = role
    return roles


def _messages(
    reader: AnyReader, roles: dict[str, str], wanted: Collection[str]
) -> Iterator[tuple[str, object]]:
    """Yield role and content of all messages of the wanted roles, in the order of recording."""
    connections = [c for c in reader.connections if roles.get(c.topic) in wanted]
    for connection, _, raw in reader.messages(connections=connections):
        yield roles[connection.topic], reader.deserialize(raw, connection.msgtype)


def _record(reader: AnyReader, roles: dict[str, str]) -> _Recorded:
    recorded = _Recorded()
    for role, message in _messages(reader, roles, roles.values()):
        if role in ("moving", "fixed"):
            for item in message.transforms:
                stamp = None if role == "fixed" else to_seconds(item.header.stamp)
                names = item.header.frame_id, item.child_frame_id
                recorded.tree.add(*names, stamp, to_pose(item.transform))
        elif role == "camera_info":
            recorded.info = recorded.info or message
        elif role == "color":
            recorded.colors.append((to_seconds(message.header.stamp), message.header.frame_id))
        else:
            recorded.depths.append(to_seconds(message.header.stamp))
    return recorded


def _choose(source: Path, recorded: _Recorded, config: M3Config) -> list[_Keyframe]:
    if not recorded.colors or not recorded.depths or recorded.info is None:
        raise ScanError(f"{source} lacks colour images, depth images or camera info")
    selector, depths = KeyframeSelector(config.scan), np.sort(recorded.depths)
    keyframes: list[_Keyframe] = []
    problems: list[str] = []
    for stamp, frame_id in sorted(recorded.colors):
        depth = float(depths[np.abs(depths - stamp).argmin()])
        if abs(depth - stamp) > config.scan.sync_tolerance:
            problems.append(
                f"colour and depth differ by {abs(depth - stamp) * 1e3:.0f} ms, more than "
                f"scan.sync_tolerance = {config.scan.sync_tolerance * 1e3:.0f} ms"
            )
            continue
        try:
            camera = frame_id or config.robot.camera_frame
            pose = recorded.tree.lookup(config.robot.world_frame, camera, stamp)
        except TransformError as error:
            problems.append(str(error))
            continue
        if selector.accept(pose, stamp):
            keyframes.append(_Keyframe(stamp, depth, pose))
    if not keyframes:
        reason = problems[0] if problems else "the camera is always too fast (scan.max_speed)"
        raise ScanError(f"no frame of {source} can be used: {reason}")
    return keyframes[: config.scan.max_frames]


def _frames(
    source: Path, roles: dict[str, str], keyframes: list[_Keyframe], info: object
) -> Iterator[RgbdFrame]:
    """Yield the keyframes with their images, in the order of their stamps."""
    wanted = {image for keyframe in keyframes for image in keyframe.images}
    seen: dict[tuple[str, float], object] = {}
    waiting = iter(keyframes)
    keyframe = next(waiting)
    with _open(source) as reader:
        for role, picture in _messages(reader, roles, ("color", "depth")):
            image = role, to_seconds(picture.header.stamp)
            if image in wanted:
                seen[image] = picture
            while keyframe and seen.keys() >= set(keyframe.images):
                color, depth = (seen[image] for image in keyframe.images)
                try:
                    yield to_frame(color, depth, info, keyframe.camtoworld)
                except ValueError as error:
                    raise ScanError(f"{source} at {keyframe.color:.3f} s: {error}") from error
                keyframe = next(waiting, None)
                oldest = min(stamp for _, stamp in keyframe.images) if keyframe else 0.0
                seen = {image: seen[image] for image in seen if image[1] >= oldest}
