"""Images, camera info and point clouds: conversions between ROS messages and arrays.

Depth changes here between millimetres and metres, and intrinsics between pixel centres at integers
(ROS, OpenCV) and at + 0.5 (this project, gsplat).
"""

from __future__ import annotations

from array import array
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from sensor_msgs.msg import CameraInfo, Image, PointCloud2, PointField
from std_msgs.msg import Header

from m3_ros.nodes.conversions import ConversionError

CHANNELS = {"rgb8": 3, "bgr8": 3, "rgba8": 4, "bgra8": 4, "mono8": 1}
DEPTH_TYPES = {"16UC1": np.dtype("u2"), "mono16": np.dtype("u2"), "32FC1": np.dtype("f4")}


def _pixels(message: Image, dtype: np.dtype, channels: int) -> NDArray:
    """View `[H, W, channels]` of an image's data, whatever its row padding and byte order."""
    dtype = dtype.newbyteorder(">" if message.is_bigendian else "<")
    row = message.width * channels * dtype.itemsize
    if message.step < row or len(message.data) < message.step * message.height or row == 0:
        raise ConversionError(
            f"image {message.width} x {message.height} {message.encoding} has step {message.step} "
            f"and {len(message.data)} bytes; it must have rows of {row} bytes"
        )
    rows = np.frombuffer(message.data, np.uint8)[: message.step * message.height]
    rows = np.ascontiguousarray(rows.reshape(message.height, message.step)[:, :row])
    return rows.view(dtype).reshape(message.height, message.width, channels)


def to_rgb(message: Image) -> NDArray[np.uint8]:
    """Colour `[H, W, 3]` uint8 RGB of an image in rgb8, bgr8, rgba8, bgra8 or mono8.

    Raises:
        ConversionError: another encoding, or too few bytes.
    """
    if message.encoding not in CHANNELS:
        raise ConversionError(
            f"colour encoding {message.encoding!r}; it must be one of {', '.join(CHANNELS)}"
        )
    pixels = _pixels(message, np.dtype("u1"), CHANNELS[message.encoding])
    if message.encoding == "mono8":
        return np.repeat(pixels, 3, axis=2)
    order = [2, 1, 0] if message.encoding.startswith("bgr") else [0, 1, 2]
    return np.ascontiguousarray(pixels[..., order])


def to_depth(message: Image) -> NDArray[np.float32]:
    """Depth `[H, W]` float32 in m, 0 where there is none, of 16UC1 (mm) or 32FC1 (m).

    Raises:
        ConversionError: another encoding, or too few bytes.
    """
    if message.encoding not in DEPTH_TYPES:
        raise ConversionError(
            f"depth encoding {message.encoding!r}; it must be one of {', '.join(DEPTH_TYPES)}"
        )
    pixels = _pixels(message, DEPTH_TYPES[message.encoding], 1)[..., 0].astype(np.float32)
    if message.encoding != "32FC1":
        return pixels * np.float32(1e-3)
    return np.where(np.isfinite(pixels) & (pixels > 0.0), pixels, np.float32(0.0))


def image_message(pixels: NDArray, encoding: str, head: Header) -> Image:
    """Image message of `[H, W]` or `[H, W, C]` pixels that already have `encoding`'s type."""
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
    """16UC1 image in mm of depth `[H, W]` in m, as a RealSense publishes it."""
    millimetres = np.clip(np.rint(depth * 1e3), 0, 65535).astype(np.uint16)
    return image_message(millimetres, "16UC1", head)


def to_intrinsics(message: CameraInfo) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """`K [3, 3]` with pixel centres at + 0.5, and OpenCV's distortion `[5]` (k1 k2 p1 p2 k3).

    Raises:
        ConversionError: not calibrated, or another distortion model than plumb_bob.
    """
    K = np.array(message.k).reshape(3, 3)
    if not K[0, 0] > 0.0 or not K[1, 1] > 0.0:
        raise ConversionError(f"camera_info.k = {K.tolist()}; focal lengths must be positive")
    distortion = np.zeros(5)
    if any(message.d):
        if message.distortion_model != "plumb_bob" or len(message.d) > 5:
            raise ConversionError(
                f"camera_info.distortion_model = {message.distortion_model!r} with "
                f"{len(message.d)} numbers; it must be plumb_bob with 5"
            )
        distortion[: len(message.d)] = message.d
    K[:2, 2] += 0.5
    return K, distortion


def camera_info_message(
    K: NDArray[np.float64], width: int, height: int, head: Header
) -> CameraInfo:
    """Camera info of a pinhole without distortion; `K [3, 3]` has pixel centres at + 0.5."""
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
    """Point cloud of `points [N, 3]` with further float32 columns `[N]`, say a score."""
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
    """Colours `[N, 3]` as the float32 column `rgb` that RViz and PCL read."""
    red, green, blue = colors.astype(np.uint32).T
    return (red << 16 | green << 8 | blue).view(np.float32)


def to_points(message: PointCloud2) -> NDArray[np.float32]:
    """Points `[N, 3]` of a cloud; see `to_columns`."""
    return to_columns(message, "x", "y", "z")


def to_columns(message: PointCloud2, *names: str) -> NDArray[np.float32]:
    """Fields `[N, len(names)]` float32 of a cloud; points with an invalid one are left out.

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
    raw = np.frombuffer(message.data, kind, count=message.width * message.height)
    columns = np.stack([raw[name] for name in names], axis=1).astype(np.float32)
    return columns[np.isfinite(columns).all(axis=1)]
