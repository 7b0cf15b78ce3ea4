"""Export to a ROS 2 bag (MCAP): colour, depth, camera info and /tf, by the names of `robot`.

Depth is 32FC1 in m. The camera hangs directly on the world frame.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path

import numpy as np
from rosbags.rosbag2 import StoragePlugin, Writer
from rosbags.typesys import Stores, get_typestore

from m3_ros.capture.frame import RgbdFrame
from m3_ros.capture.problem_counter import ProblemCounter
from m3_ros.capture.scan import Scan
from m3_ros.config import M3Config, RobotConfig
from m3_ros.geometry import matrix_to_quat, wxyz_to_xyzw
from m3_ros.types import Progress

logger = logging.getLogger(__name__)

BAG_VERSION = 9  # of metadata.yaml, Jazzy's
STEP = 1.0
"""Time between frames whose stamps do not say it, s: a scan moves by a few cm a frame."""
STORE = get_typestore(Stores.ROS2_JAZZY)


def write(scan: Scan, target: Path, config: M3Config, progress: Progress) -> None:
    """Write a bag; arguments as of `export_scan`."""
    robot, last = config.robot, -STEP
    if target.exists():
        target.rmdir()  # the writer makes it
    with Writer(target, version=BAG_VERSION, storage_plugin=StoragePlugin.MCAP) as writer:
        connections, told = {}, ProblemCounter(logger.warning)
        for index, frame in enumerate(scan):
            if frame.stamp <= last:
                told.count("stamps do not increase; the frames in question get later ones")
                frame = replace(frame, stamp=last + STEP)
            last = frame.stamp
            for topic, message in _messages(frame, robot):
                kind = message.__msgtype__
                if topic not in connections:
                    connections[topic] = writer.add_connection(topic, kind, typestore=STORE)
                raw = STORE.serialize_cdr(message, kind)
                writer.write(connections[topic], _nanoseconds(frame.stamp), raw)
            progress("export", (index + 1) / len(scan))


def _nanoseconds(stamp: float) -> int:
    return round(stamp * 1e9)


def _make(kind: str, **fields: object) -> object:
    return STORE.types[kind](**fields)


def _header(frame_id: str, stamp: float) -> object:
    seconds, rest = divmod(_nanoseconds(stamp), 10**9)
    time = _make("builtin_interfaces/msg/Time", sec=seconds, nanosec=rest)
    return _make("std_msgs/msg/Header", stamp=time, frame_id=frame_id)


def _messages(frame: RgbdFrame, robot: RobotConfig) -> list[tuple[str, object]]:
    """Return topics and messages of a frame."""
    header = _header(robot.camera_frame, frame.stamp)
    found = [
        ("/tf", _transform(frame, robot)),
        (_full(robot.color_topic), _image(header, frame.rgb, "rgb8")),
        (_full(robot.camera_info_topic), _camera_info(header, frame)),
    ]
    if frame.depth.any():
        found.append((_full(robot.depth_topic), _image(header, frame.depth, "32FC1")))
    return found


def _full(topic: str) -> str:
    return "/" + topic.lstrip("/")


def _transform(frame: RgbdFrame, robot: RobotConfig) -> object:
    T = frame.camtoworld
    xyzw = wxyz_to_xyzw(matrix_to_quat(T[:3, :3]))
    shift = _make("geometry_msgs/msg/Vector3", **dict(zip("xyz", T[:3, 3], strict=True)))
    turn = _make("geometry_msgs/msg/Quaternion", **dict(zip("xyzw", xyzw, strict=True)))
    stamped = _make(
        "geometry_msgs/msg/TransformStamped",
        header=_header(robot.world_frame, frame.stamp),
        child_frame_id=robot.camera_frame,
        transform=_make("geometry_msgs/msg/Transform", translation=shift, rotation=turn),
    )
    return _make("tf2_msgs/msg/TFMessage", transforms=[stamped])


def _image(header: object, pixels: np.ndarray, encoding: str) -> object:
    return _make(
        "sensor_msgs/msg/Image",
        header=header,
        height=pixels.shape[0],
        width=pixels.shape[1],
        encoding=encoding,
        is_bigendian=0,
        step=pixels[0].nbytes,
        data=np.frombuffer(np.ascontiguousarray(pixels).tobytes(), np.uint8),
    )


def _camera_info(header: object, frame: RgbdFrame) -> object:
    k = frame.K.copy()
    k[:2, 2] -= 0.5  # ROS counts from the middle of the first pixel
    zeros = dict.fromkeys(("x_offset", "y_offset", "height", "width"), 0)
    return _make(
        "sensor_msgs/msg/CameraInfo",
        header=header,
        height=frame.height,
        width=frame.width,
        distortion_model="plumb_bob",
        d=np.zeros(5),
        k=k.ravel(),
        r=np.eye(3).ravel(),
        p=np.hstack([k, np.zeros((3, 1))]).ravel(),
        binning_x=0,
        binning_y=0,
        roi=_make("sensor_msgs/msg/RegionOfInterest", **zeros, do_rectify=False),
    )
