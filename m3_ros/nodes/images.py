"""Images, camera info and point clouds: arrays to ROS messages, and clouds back.

Depth changes from metres to millimetres, intrinsics from pixel centres at + 0.5 (this project,
gsplat) to integers (ROS, OpenCV); the way back is in `capture/messages.py`.
"""

from __future__ import annotations

from array import array
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from sensor_msgs.msg import CameraInfo, Image, PointCloud2, PointField
from std_msgs.msg import Header

from m3_ros.capture.messages import ConversionError


def image_message(pixels: NDArray, encoding: str, head: Header) -> Image:
    """Return the message of pixels `[H, W]` or `[H, W, C]` that have `encoding`'s type."""
    pixels = np.ascontiguousarray(pixels)
    return Image(
        header=head,
        height=pixels.shape[0],
        width=pixels.shape[1],
        encoding=encoding,
        step=pixels.strides[0],
        data=array("B", pixels.tobytes()),
    )


def depth_message(depth: NDArray[np.float32], head: Header) -> Image:
    """Return the 16UC1 image in mm of depth `[H, W]` in m, as a RealSense publishes it."""
    millimetres = np.clip(np.rint(depth * 1e3), 0, 65535).astype(np.uint16)
    return image_message(millimetres, "16UC1", head)


def camera_info_message(
    K: NDArray[np.float64], width: int, height: int, head: Header
) -> CameraInfo:
    """Return the camera info of `K [3, 3]`, pixel centres at + 0.5, without distortion."""
    k = K.copy()
    k[:2, 2] -= 0.5
    p = np.hstack([k, np.zeros((3, 1))])
    message = CameraInfo(header=head, width=width, height=height, distortion_model="plumb_bob")
    message.d = [0.0] * 5
    message.k, message.r, message.p = k.ravel(), np.eye(3).ravel(), p.ravel()
    return message


def cloud_message(
    points: NDArray, head: Header, fields: Mapping[str, NDArray[np.float32]] | None = None
) -> PointCloud2:
    """Return a point cloud of `points [N, 3]` with further float32 columns `[N]`, say a score."""
    columns = {name: points[:, axis] for axis, name in enumerate("xyz")} | dict(fields or {})
    data = np.stack([np.asarray(column, "<f4") for column in columns.values()], axis=1)
    return PointCloud2(
        header=head,
        height=1,
        width=len(data),
        fields=[
            PointField(name=name, offset=4 * i, datatype=PointField.FLOAT32, count=1)
            for i, name in enumerate(columns)
        ],
        point_step=data.shape[1] * 4,
        row_step=data.nbytes,
        is_dense=True,
        data=array("B", data.tobytes()),
    )


def pack_rgb(colors: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return colours `[N, 3]` as the float32 column `rgb` that RViz and PCL read."""
    red, green, blue = colors.astype(np.uint32).T
    return (red << 16 | green << 8 | blue).view(np.float32)


def to_points(message: PointCloud2) -> NDArray[np.float32]:
    """Return the points `[N, 3]` of a cloud; see `to_columns`."""
    return to_columns(message, "x", "y", "z")


def to_columns(message: PointCloud2, *names: str) -> NDArray[np.float32]:
    """Return fields `[N, len(names)]` float32 of a cloud without its invalid points.

    Raises:
        ConversionError: a field is missing or not float32.
    """
    offsets = {item.name: item.offset for item in message.fields if item.datatype == 7}
    if not set(names) <= set(offsets):
        raise ConversionError(
            f"cloud has float32 fields {list(offsets)}; it must have {', '.join(names)}"
        )
    kind = np.dtype(
        {
            "names": names,
            "formats": [">f4" if message.is_bigendian else "<f4"] * len(names),
            "offsets": [offsets[name] for name in names],
            "itemsize": message.point_step,
        }
    )
    count = message.width * message.height
    if count * message.point_step > len(message.data):
        raise ConversionError(
            f"cloud has {len(message.data)} bytes; {message.width} x {message.height} points of "
            f"{message.point_step} bytes need {count * message.point_step}"
        )
    raw = np.frombuffer(message.data, kind, count=count)
    columns = np.stack([raw[name] for name in names], axis=1).astype(np.float32)
    return columns[np.isfinite(columns).all(axis=1)]
