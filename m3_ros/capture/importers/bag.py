"""Importer of ROS 2 bags (MCAP or SQLite), without ROS.

A bag is read twice: first transforms and stamps, from which keyframes are selected as in a live
scan; then the images of the keyframes.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from rosbags.highlevel import AnyReader

from m3_ros.capture.camera_messages import to_frame, to_intrinsics
from m3_ros.capture.frame import RgbdFrame, check_intrinsics
from m3_ros.capture.importers.bag_contents import Recorded, read_contents, transform_tree
from m3_ros.capture.importers.bag_metadata import METADATA
from m3_ros.capture.importers.bag_reader import messages, open_bag, topic_roles
from m3_ros.capture.importers.imported import Imported, ImportRequest
from m3_ros.capture.keyframes import KeyframeSelector
from m3_ros.capture.level import level_problem, recorded_levelling
from m3_ros.capture.messages import to_seconds
from m3_ros.capture.scan import ScanError
from m3_ros.capture.transform_buffer import TransformBuffer, TransformError
from m3_ros.config import M3Config
from m3_ros.geometry import se3
from m3_ros.types import Array

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Keyframe:
    """Stamps (s) of a keyframe's images, and `T_world_camera [4, 4]`; None: no depth."""

    color: float
    depth: float | None
    camtoworld: Array

    @property
    def images(self) -> dict[str, float]:
        """Stamps of the images, by their roles."""
        color = {"color": self.color}
        return color if self.depth is None else {**color, "depth": self.depth}


def read(request: ImportRequest) -> Imported:
    """Open a bag, a folder or a file; settings say its topics and frames, and what is kept.

    Raises:
        ScanError: the bag cannot be read, lacks a topic, has no usable frame, or nobody knows
            which way is up in its world; says why.
    """
    source, config = request.source, request.config
    with open_bag(source) as reader:
        types = {connection.topic: connection.msgtype for connection in reader.connections}
        roles = topic_roles(source, types, config.robot)
        recorded = read_contents(reader, roles)
        _check_counts(source, reader, roles, recorded)
    _check_camera(source, roles, recorded)
    tree = transform_tree(source, recorded)
    keyframes = _level(source, tree, _choose(source, recorded, tree, config), config)
    return Imported(len(keyframes), _frames(source, roles, keyframes, recorded, tree))


def _check_counts(
    source: Path, reader: AnyReader, roles: dict[str, str], recorded: Recorded
) -> None:
    """Tell where topics hold other numbers of messages than the bag states; 0: it does not."""
    for topic, role in roles.items():
        stated = reader.topics[topic].msgcount if topic in reader.topics else 0
        if stated not in (0, recorded.counts[role]):
            logger.warning(
                "%s states %d messages on %s and holds %d: it is incomplete, or its %s of another "
                "bag", source, stated, topic, recorded.counts[role], METADATA,
            )  # fmt: skip


def _check_camera(source: Path, roles: dict[str, str], recorded: Recorded) -> None:
    """Check the intrinsics before any image is read."""
    topic = next(topic for topic, role in roles.items() if role == "camera_info")
    for info in recorded.infos.all():
        try:
            K, _ = to_intrinsics(info)
            check_intrinsics("k", K, (info.height, info.width))
        except ValueError as error:
            raise ScanError(f"{source} {topic}: {error}") from error


def _level(
    source: Path, tree: TransformBuffer, keyframes: list[_Keyframe], config: M3Config
) -> list[_Keyframe]:
    """Return the keyframes in a level world: turned where the base leans in most of them.

    Raises:
        ScanError: the base leans in no steady direction.
    """
    world, base = config.robot.world_frame, config.robot.base_frame
    try:
        poses = np.array([tree.lookup(world, base, keyframe.color) for keyframe in keyframes])
    except TransformError:
        return keyframes  # a camera without a base
    told = [level_problem(T, world, base, config.scan.max_tilt) for T in poses]
    problems = [problem for problem in told if problem]
    if 2 * len(problems) <= len(keyframes):
        return keyframes
    rotation = recorded_levelling(poses, config.scan.max_tilt)
    if rotation is None:
        raise ScanError(
            f"{source}: {problems[0]}; it leans in no steady direction: record a robot that "
            "stands on level ground, or set scan.max_tilt: 3.15 for a world that is level"
        )
    logger.warning(
        "%s is turned, so that %s stands upright in the scan; a live robot needs the same: %s",
        source, base, problems[0],
    )  # fmt: skip
    T_level_world = se3(rotation, np.zeros(3))
    return [replace(each, camtoworld=T_level_world @ each.camtoworld) for each in keyframes]


def _choose(
    source: Path, recorded: Recorded, tree: TransformBuffer, config: M3Config
) -> list[_Keyframe]:
    if not recorded.colors or not recorded.infos:
        what = "camera info" if recorded.colors else "colour image"
        raise ScanError(f"{source} has no message with a {what}, though it has the topic")
    selector, depths = KeyframeSelector(config.scan), np.sort(recorded.depths)
    keyframes: list[_Keyframe] = []
    problems: list[str] = []
    for stamp, frame_id in sorted(recorded.colors):
        depth = float(depths[np.abs(depths - stamp).argmin()]) if len(depths) else None
        if depth is not None and abs(depth - stamp) > config.scan.sync_tolerance:
            problems.append(
                f"colour and depth differ by {abs(depth - stamp) * 1e3:.0f} ms, more than "
                f"scan.sync_tolerance = {config.scan.sync_tolerance * 1e3:.0f} ms"
            )
            continue
        try:
            camera = frame_id or config.robot.camera_frame
            pose = tree.lookup(config.robot.world_frame, camera, stamp)
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
    source: Path,
    roles: dict[str, str],
    keyframes: list[_Keyframe],
    recorded: Recorded,
    tree: TransformBuffer,
) -> Iterator[RgbdFrame]:
    """Yield the keyframes with their images, in the order of their stamps."""
    wanted = {image for keyframe in keyframes for image in keyframe.images.items()}
    seen: dict[tuple[str, float], object] = {}
    waiting = iter(keyframes)
    keyframe = next(waiting)
    with open_bag(source) as reader:
        for role, picture in messages(reader, roles, ("color", "depth")):
            image = role, to_seconds(picture.header.stamp)
            if image in wanted:
                seen[image] = picture
            while keyframe and seen.keys() >= keyframe.images.items():
                found = {role: seen[role, stamp] for role, stamp in keyframe.images.items()}
                color, depth = found["color"], found.get("depth")
                info = recorded.infos.at(keyframe.color)
                try:
                    camera = depth and recorded.depth_camera(tree, color, depth)
                    yield to_frame(color, depth, info, keyframe.camtoworld, camera)
                except (TransformError, ValueError) as error:
                    raise ScanError(f"{source} at {keyframe.color:.3f} s: {error}") from error
                keyframe = next(waiting, None)
                oldest = min(keyframe.images.values()) if keyframe else 0.0
                seen = {image: seen[image] for image in seen if image[1] >= oldest}
