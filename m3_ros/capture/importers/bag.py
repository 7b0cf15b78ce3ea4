"""Importer of ROS 2 bags (MCAP or SQLite), without ROS.

A bag is read twice: first transforms and stamps, from which keyframes are selected as in a live
scan; then the images of the keyframes.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from rosbags.highlevel import AnyReader

from m3_ros.capture.camera_messages import to_frame, to_intrinsics
from m3_ros.capture.frame import RgbdFrame, check_intrinsics
from m3_ros.capture.importers.bag_reader import messages, open_bag, topic_roles
from m3_ros.capture.importers.imported import Imported
from m3_ros.capture.keyframes import KeyframeSelector
from m3_ros.capture.messages import ConversionError, to_pose, to_seconds
from m3_ros.capture.problem_counter import ProblemCounter
from m3_ros.capture.scan import ScanError
from m3_ros.capture.transform_buffer import TIME_JUMP, TransformBuffer, TransformError
from m3_ros.config import M3Config
from m3_ros.types import Array

logger = logging.getLogger(__name__)


@dataclass
class _Recorded:
    """Contents of a bag besides images: their stamps (s), frames, transforms, intrinsics."""

    colors: list[tuple[float, str]] = field(default_factory=list)
    depths: list[float] = field(default_factory=list)
    transforms: dict[tuple[str, str], list[tuple[float | None, Array]]] = field(
        default_factory=lambda: defaultdict(list)
    )
    """Stamps (s; None: static) and poses of each parent and child."""
    infos: list[tuple[float, object]] = field(default_factory=list)
    """Stamps (s) and camera infos, from the first valid one on; equal ones are left out."""
    dropped: ProblemCounter = field(default_factory=lambda: ProblemCounter(logger.warning))


@dataclass(frozen=True)
class _Keyframe:
    """Stamps (s) of a keyframe's images, and `T_world_camera [4, 4]`."""

    color: float
    depth: float
    camtoworld: Array

    @property
    def images(self) -> tuple[tuple[str, float], tuple[str, float]]:
        """Roles and stamps of the two images."""
        return ("color", self.color), ("depth", self.depth)


def read(source: Path, config: M3Config) -> Imported:
    """Open a bag.

    Args:
        source: the bag's folder, or its .mcap file.
        config: names of topics and frames (`robot`), and which frames are kept (`scan`).

    Raises:
        ScanError: the bag cannot be read, lacks a topic, or has no usable frame; says why.
    """
    with open_bag(source) as reader:
        types = {connection.topic: connection.msgtype for connection in reader.connections}
        roles = topic_roles(source, types, config.robot)
        recorded = _record(reader, roles)
    _check_camera(source, roles, recorded)
    keyframes = _choose(source, recorded, config)
    return Imported(len(keyframes), _frames(source, roles, keyframes, recorded))


def _check_camera(source: Path, roles: dict[str, str], recorded: _Recorded) -> None:
    """Check the intrinsics before any image is read."""
    topic = next(topic for topic, role in roles.items() if role == "camera_info")
    for _, info in recorded.infos:
        try:
            K, _ = to_intrinsics(info)
            check_intrinsics("k", K, (info.height, info.width))
        except ValueError as error:
            raise ScanError(f"{source} {topic}: {error}") from error


def _check_time(recorded: _Recorded, stamp: float) -> None:
    """Check that time does not go back: poses of two runs of the clock must not be mixed.

    Raises:
        ScanError: it does; says when.
    """
    back = recorded.colors[-1][0] - stamp if recorded.colors else 0.0
    if back > TIME_JUMP:
        raise ScanError(
            f"time goes back by {back:.1f} s at {recorded.colors[-1][0]:.3f} s of the colour "
            "images; record each run into a bag of its own"
        )


def _record_info(recorded: _Recorded, info: object) -> None:
    """Keep a camera info that differs; an empty one, with which some drivers begin, goes."""
    last = recorded.infos[-1][1] if recorded.infos else None
    if last is not None and not last.k[0] > 0.0:
        recorded.infos.pop()
    elif last is not None and np.array_equal([*last.k, *last.d], [*info.k, *info.d]):
        return
    recorded.infos.append((to_seconds(info.header.stamp), info))


def _info_at(recorded: _Recorded, stamp: float) -> object:
    """Return the camera info that was valid at a stamp (s)."""
    earlier = [info for begin, info in recorded.infos if begin <= stamp]
    return earlier[-1] if earlier else recorded.infos[0][1]


def _record(reader: AnyReader, roles: dict[str, str]) -> _Recorded:
    recorded = _Recorded()
    for role, message in messages(reader, roles, roles.values()):
        if role in ("moving", "fixed"):
            for item in message.transforms:
                stamp = None if role == "fixed" else to_seconds(item.header.stamp)
                edge = item.header.frame_id, item.child_frame_id
                try:
                    recorded.transforms[edge].append((stamp, to_pose(item.transform)))
                except ConversionError as error:
                    recorded.dropped.count(f"transform {' -> '.join(edge)} is dropped: {error}")
        elif role == "camera_info":
            _record_info(recorded, message)
        elif role == "color":
            _check_time(recorded, to_seconds(message.header.stamp))
            recorded.colors.append((to_seconds(message.header.stamp), message.header.frame_id))
        else:
            recorded.depths.append(to_seconds(message.header.stamp))
    return recorded


def _tree(source: Path, recorded: _Recorded) -> TransformBuffer:
    """Return the transforms; of several parents of a frame the one with most messages."""
    parents = defaultdict(list)
    for parent, child in recorded.transforms:
        parents[child].append(parent)
    tree = TransformBuffer(max_age=float("inf"), time_jump=float("inf"))
    for child, names in parents.items():
        kept = max(names, key=lambda parent: len(recorded.transforms[parent, child]))
        if len(names) > 1:
            counts = [f"{name} ({len(recorded.transforms[name, child])})" for name in names]
            logger.warning(
                "%s: frame %s has %d parents (transforms): %s; %s is kept",
                *(source, child, len(names), ", ".join(counts), kept),
            )
        for stamp, pose in recorded.transforms[kept, child]:
            tree.add(kept, child, stamp, pose)
    return tree


def _choose(source: Path, recorded: _Recorded, config: M3Config) -> list[_Keyframe]:
    if not recorded.colors or not recorded.depths or not recorded.infos:
        raise ScanError(f"{source} lacks colour images, depth images or camera info")
    tree = _tree(source, recorded)
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
    source: Path, roles: dict[str, str], keyframes: list[_Keyframe], recorded: _Recorded
) -> Iterator[RgbdFrame]:
    """Yield the keyframes with their images, in the order of their stamps."""
    wanted = {image for keyframe in keyframes for image in keyframe.images}
    seen: dict[tuple[str, float], object] = {}
    waiting = iter(keyframes)
    keyframe = next(waiting)
    with open_bag(source) as reader:
        for role, picture in messages(reader, roles, ("color", "depth")):
            image = role, to_seconds(picture.header.stamp)
            if image in wanted:
                seen[image] = picture
            while keyframe and seen.keys() >= set(keyframe.images):
                color, depth = (seen[image] for image in keyframe.images)
                info = _info_at(recorded, keyframe.color)
                try:
                    yield to_frame(color, depth, info, keyframe.camtoworld)
                except ValueError as error:
                    raise ScanError(f"{source} at {keyframe.color:.3f} s: {error}") from error
                keyframe = next(waiting, None)
                oldest = min(stamp for _, stamp in keyframe.images) if keyframe else 0.0
                seen = {image: seen[image] for image in seen if image[1] >= oldest}
