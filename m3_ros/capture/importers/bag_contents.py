"""Contents of a bag besides its images: stamps, transforms, camera infos."""

from __future__ import annotations

import logging
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from rosbags.highlevel import AnyReader

from m3_ros.capture.camera_messages import DepthCamera, frames_of, is_registered
from m3_ros.capture.importers.bag_reader import messages
from m3_ros.capture.messages import ConversionError, to_pose, to_seconds
from m3_ros.capture.problem_counter import ProblemCounter
from m3_ros.capture.scan import ScanError
from m3_ros.capture.transform_buffer import TIME_JUMP, TransformBuffer
from m3_ros.types import Array

logger = logging.getLogger(__name__)


class CameraInfos:
    """Camera infos from the first valid one on; equal ones are left out."""

    def __init__(self) -> None:
        self._infos: list[tuple[float, object]] = []

    def __bool__(self) -> bool:
        return bool(self._infos)

    def add(self, info: object) -> None:
        """Keep a camera info that differs; an empty one, with which some drivers begin, goes."""
        last = self._infos[-1][1] if self._infos else None
        if last is not None and not last.k[0] > 0.0:
            self._infos.pop()
        elif last is not None and np.array_equal([*last.k, *last.d], [*info.k, *info.d]):
            return
        self._infos.append((to_seconds(info.header.stamp), info))

    def at(self, stamp: float) -> object:
        """Return the one that was valid at a stamp (s)."""
        earlier = [info for begin, info in self._infos if begin <= stamp]
        return earlier[-1] if earlier else self._infos[0][1]

    def all(self) -> list[object]:
        """Return all."""
        return [info for _, info in self._infos]


@dataclass
class Recorded:
    """Contents of a bag besides images: their stamps (s), frames, transforms, intrinsics."""

    colors: list[tuple[float, str]] = field(default_factory=list)
    depths: list[float] = field(default_factory=list)
    transforms: dict[tuple[str, str], list[tuple[float | None, Array]]] = field(
        default_factory=lambda: defaultdict(list)
    )
    """Stamps (s; None: static) and poses of each parent and child."""
    infos: CameraInfos = field(default_factory=CameraInfos)
    depth_infos: CameraInfos = field(default_factory=CameraInfos)
    counts: Counter[str] = field(default_factory=Counter)
    """Number of messages of each role."""
    dropped: ProblemCounter = field(default_factory=lambda: ProblemCounter(logger.warning))

    def depth_camera(
        self, tree: TransformBuffer, color: object, depth: object
    ) -> DepthCamera | None:
        """Return the camera of depth that is not registered, where it is known.

        Raises:
            TransformError: its pose is not.
        """
        if is_registered(color, depth) or not self.depth_infos:
            return None
        stamp = to_seconds(color.header.stamp)
        return DepthCamera(
            self.depth_infos.at(stamp), tree.lookup(*frames_of(color, depth), stamp)
        )


def read_contents(reader: AnyReader, roles: dict[str, str]) -> Recorded:
    """Read all messages once.

    Args:
        reader: of the bag.
        roles: of its topics.

    Raises:
        ScanError: time goes back.
    """
    recorded = Recorded()
    for role, message in messages(reader, roles, roles.values()):
        recorded.counts[role] += 1
        if role in ("moving", "fixed"):
            for item in message.transforms:
                stamp = None if role == "fixed" else to_seconds(item.header.stamp)
                edge = item.header.frame_id, item.child_frame_id
                try:
                    recorded.transforms[edge].append((stamp, to_pose(item.transform)))
                except ConversionError as error:
                    recorded.dropped.count(f"transform {' -> '.join(edge)} is dropped: {error}")
        elif role == "camera_info":
            recorded.infos.add(message)
        elif role == "depth_info":
            recorded.depth_infos.add(message)
        elif role == "color":
            _check_time(recorded, to_seconds(message.header.stamp))
            recorded.colors.append((to_seconds(message.header.stamp), message.header.frame_id))
        else:
            recorded.depths.append(to_seconds(message.header.stamp))
    return recorded


def transform_tree(source: Path, recorded: Recorded) -> TransformBuffer:
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


def _check_time(recorded: Recorded, stamp: float) -> None:
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
