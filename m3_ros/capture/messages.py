"""Messages of cameras and TF as arrays, decoded by rclpy or by a bag's reader.

Only the fields of standard messages are read, so nothing here imports ROS. Quaternions change from
ROS's xyzw to the project's wxyz, and depth from millimetres to metres.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from m3_ros.capture.depth import to_metres
from m3_ros.capture.picture_file import decode_picture
from m3_ros.capture.rvl import RvlError, unpack_rvl
from m3_ros.errors import DataError
from m3_ros.geometry import quat_to_matrix, se3, xyzw_to_wxyz

U1, U2 = np.dtype("u1"), np.dtype("u2")

COLOR_TYPES = {
    "rgb8": (U1, 3, None),
    "bgr8": (U1, 3, cv2.COLOR_BGR2RGB),
    "rgba8": (U1, 4, cv2.COLOR_RGBA2RGB),
    "bgra8": (U1, 4, cv2.COLOR_BGRA2RGB),
    "mono8": (U1, 1, cv2.COLOR_GRAY2RGB),
    "rgb16": (U2, 3, None),
    "bgr16": (U2, 3, cv2.COLOR_BGR2RGB),
    "mono16": (U2, 1, cv2.COLOR_GRAY2RGB),
    "yuv422": (U1, 2, cv2.COLOR_YUV2RGB_UYVY),
    "uyvy": (U1, 2, cv2.COLOR_YUV2RGB_UYVY),
    "yuv422_yuy2": (U1, 2, cv2.COLOR_YUV2RGB_YUY2),
    "yuyv": (U1, 2, cv2.COLOR_YUV2RGB_YUY2),
    "bayer_rggb8": (U1, 1, cv2.COLOR_BayerRGGB2RGB),
    "bayer_bggr8": (U1, 1, cv2.COLOR_BayerBGGR2RGB),
    "bayer_gbrg8": (U1, 1, cv2.COLOR_BayerGBRG2RGB),
    "bayer_grbg8": (U1, 1, cv2.COLOR_BayerGRBG2RGB),
    "bayer_rggb16": (U2, 1, cv2.COLOR_BayerRGGB2RGB),
    "bayer_bggr16": (U2, 1, cv2.COLOR_BayerBGGR2RGB),
    "bayer_gbrg16": (U2, 1, cv2.COLOR_BayerGBRG2RGB),
    "bayer_grbg16": (U2, 1, cv2.COLOR_BayerGRBG2RGB),
}
"""Type, channels and OpenCV's conversion of each colour encoding (sensor_msgs/image_encodings)."""

DEPTH_TYPES = {"16UC1": U2, "mono16": U2, "32FC1": np.dtype("f4")}
DEPTH_HEADER = 12  # bytes before a compressedDepth's image: what it is, and two float32 numbers


COMPRESSED_SUFFIXES = {
    "color": ("/compressed",),
    "depth": ("/compressedDepth", "/compressed"),
    "camera_info": (),
}
"""Suffixes that image_transport gives topics of sensor_msgs/CompressedImage."""


class ConversionError(DataError):
    """A message holds what cannot be converted; the text names message, value and rule."""


def to_seconds(time: object) -> float:
    """Return a stamp or duration in s."""
    return time.sec + time.nanosec * 1e-9


def to_pose(message: object) -> NDArray[np.float64]:
    """Return `T_parent_child [4, 4]` of geometry_msgs/Transform or Pose.

    Raises:
        ConversionError: the quaternion has no length, or a number is not finite.
    """
    if hasattr(message, "orientation"):
        position, rotation = message.position, message.orientation
    else:
        position, rotation = message.translation, message.rotation
    xyzw = np.array([rotation.x, rotation.y, rotation.z, rotation.w])
    xyz = np.array([position.x, position.y, position.z])
    if not 1e-6 < np.linalg.norm(xyzw) < np.inf:
        raise ConversionError(f"quaternion x y z w = {xyzw.tolist()}; it must be a rotation")
    if not np.isfinite(xyz).all():
        raise ConversionError(f"position {xyz.tolist()}; it must be finite")
    return se3(quat_to_matrix(xyzw_to_wxyz(xyzw)), xyz)


def to_rgb(message: object) -> NDArray[np.uint8]:
    """Return the colours `[H, W, 3]` uint8 RGB of an image.

    Args:
        message: sensor_msgs/Image in one of `COLOR_TYPES`, or sensor_msgs/CompressedImage (JPEG
            or PNG).

    Raises:
        ConversionError: another encoding, too few bytes, or no image in them.
    """
    if hasattr(message, "format"):
        return cv2.cvtColor(_unpacked(message, 0, cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)
    if message.encoding not in COLOR_TYPES:
        raise ConversionError(
            f"colour encoding {message.encoding!r}; it must be one of {', '.join(COLOR_TYPES)}"
        )
    dtype, channels, conversion = COLOR_TYPES[message.encoding]
    pixels = _pixels(message, dtype, channels).astype(dtype)
    if conversion is not None:
        try:
            pixels = cv2.cvtColor(pixels, conversion)
        except cv2.error as error:
            raise ConversionError(
                f"image {message.width} x {message.height} {message.encoding}: {error.err}"
            ) from error
    return (pixels >> 8).astype(np.uint8) if dtype == U2 else pixels


def to_depth(message: object) -> NDArray[np.float32]:
    """Return the depth `[H, W]` float32 in m of an image, 0 where there is none.

    Args:
        message: sensor_msgs/Image in 16UC1 (mm) or 32FC1 (m), or sensor_msgs/CompressedImage
            that image_transport packed as PNG (compressedDepth, compressed) or RVL.

    Raises:
        ConversionError: another encoding, too few bytes, or no image in them.
    """
    if hasattr(message, "format"):
        return _packed_depth(message)
    if message.encoding not in DEPTH_TYPES:
        raise ConversionError(
            f"depth encoding {message.encoding!r}; it must be one of {', '.join(DEPTH_TYPES)}"
        )
    pixels = _pixels(message, DEPTH_TYPES[message.encoding], 1)[..., 0]
    return to_metres(pixels, 1.0 if message.encoding == "32FC1" else 1e-3)


def _pixels(message: object, dtype: np.dtype, channels: int) -> NDArray:
    """Return a view `[H, W, channels]` of data with any row padding and byte order."""
    dtype = dtype.newbyteorder(">" if message.is_bigendian else "<")
    row = message.width * channels * dtype.itemsize
    size = message.step * message.height
    if message.step < row or len(message.data) < size or 0 in (row, message.height):
        raise ConversionError(
            f"image {message.width} x {message.height} {message.encoding} has step {message.step} "
            f"and {len(message.data)} bytes; it must have rows of {row} bytes"
        )
    rows = np.frombuffer(message.data, np.uint8)[:size]
    rows = np.ascontiguousarray(rows.reshape(message.height, message.step)[:, :row])
    return rows.view(dtype).reshape(message.height, message.width, channels)


def _packed_depth(message: object) -> NDArray[np.float32]:
    """Return the depth `[H, W]` in m of a CompressedImage.

    Of 32FC1 a compressedDepth holds the inverse, a / depth + b with the header's a and b. Older
    publishers name no packing.
    """
    encoding, _, packing = (part.strip() for part in message.format.partition(";"))
    headed = not packing or packing.startswith("compressedDepth")
    if encoding not in DEPTH_TYPES or (encoding == "32FC1" and not headed):
        raise ConversionError(
            f"depth format {message.format!r}; it must be 16UC1 or 32FC1 with 'compressedDepth "
            "png' or 'compressedDepth rvl', or '16UC1; png compressed'"
        )
    if headed and packing.endswith("rvl"):
        try:
            pixels = unpack_rvl(bytes(message.data[DEPTH_HEADER:]))
        except RvlError as error:
            raise ConversionError(f"{message.format!r} image: {error}") from error
    else:
        pixels = _unpacked(message, DEPTH_HEADER if headed else 0, cv2.IMREAD_UNCHANGED)
    if pixels.dtype != np.uint16 or pixels.ndim != 2:
        raise ConversionError(
            f"depth of {pixels.dtype} {pixels.shape}; it must be 16 bits a pixel"
        )
    if encoding != "32FC1":
        return to_metres(pixels, 1e-3)
    a, b = np.frombuffer(bytes(message.data[4:DEPTH_HEADER]), "<f4")
    with np.errstate(divide="ignore", invalid="ignore"):
        meters = np.where(pixels > 0, a / (pixels - b), 0.0).astype(np.float32)
    return np.where(np.isfinite(meters) & (meters > 0.0), meters, np.float32(0.0))


def _unpacked(message: object, start: int, flags: int) -> NDArray:
    """Return the image that a CompressedImage holds from byte `start` on."""
    try:
        return decode_picture(bytes(message.data)[start:], flags)
    except ValueError as error:
        size = len(message.data)
        raise ConversionError(f"{message.format!r} image of {size} bytes {error}") from error
