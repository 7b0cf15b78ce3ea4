"""Messages of cameras and TF as arrays, decoded by rclpy or by a bag's reader.

Only the fields of standard messages are read, so nothing here imports ROS. Quaternions change from
ROS's xyzw to the project's wxyz, depth from millimetres to metres, and intrinsics from pixel
centres at integers (ROS, OpenCV) to + 0.5 (this project, gsplat).
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from m3_ros.capture.depth import to_metres
from m3_ros.capture.distortion import Distortion, undistort
from m3_ros.capture.frame import RgbdFrame
from m3_ros.geometry import quat_to_matrix, se3, xyzw_to_wxyz

CHANNELS = {"rgb8": 3, "bgr8": 3, "rgba8": 4, "bgra8": 4, "mono8": 1}
DEPTH_TYPES = {"16UC1": np.dtype("u2"), "mono16": np.dtype("u2"), "32FC1": np.dtype("f4")}
DEPTH_HEADER = 12  # bytes before a compressedDepth's PNG: what it is, and two float32 numbers


COMPRESSED_SUFFIXES = {
    "color": ("/compressed",),
    "depth": ("/compressedDepth", "/compressed"),
    "camera_info": (),
}
"""Suffixes that image_transport gives topics of sensor_msgs/CompressedImage."""


class ConversionError(ValueError):
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
        message: sensor_msgs/Image in rgb8, bgr8, rgba8, bgra8 or mono8, or
            sensor_msgs/CompressedImage (JPEG or PNG).

    Raises:
        ConversionError: another encoding, too few bytes, or no image in them.
    """
    if hasattr(message, "format"):
        return cv2.cvtColor(_unpacked(message, 0, cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)
    if message.encoding not in CHANNELS:
        raise ConversionError(
            f"colour encoding {message.encoding!r}; it must be one of {', '.join(CHANNELS)}"
        )
    pixels = _pixels(message, np.dtype("u1"), CHANNELS[message.encoding])
    if message.encoding == "mono8":
        return np.repeat(pixels, 3, axis=2)
    order = [2, 1, 0] if message.encoding.startswith("bgr") else [0, 1, 2]
    return np.ascontiguousarray(pixels[..., order])


def to_depth(message: object) -> NDArray[np.float32]:
    """Return the depth `[H, W]` float32 in m of an image, 0 where there is none.

    Args:
        message: sensor_msgs/Image in 16UC1 (mm) or 32FC1 (m), or sensor_msgs/CompressedImage
            that image_transport packed as PNG (compressedDepth, compressed).

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
    if message.step < row or len(message.data) < message.step * message.height or row == 0:
        raise ConversionError(
            f"image {message.width} x {message.height} {message.encoding} has step {message.step} "
            f"and {len(message.data)} bytes; it must have rows of {row} bytes"
        )
    rows = np.frombuffer(message.data, np.uint8)[: message.step * message.height]
    rows = np.ascontiguousarray(rows.reshape(message.height, message.step)[:, :row])
    return rows.view(dtype).reshape(message.height, message.width, channels)


def _packed_depth(message: object) -> NDArray[np.float32]:
    """Return the depth `[H, W]` in m of a CompressedImage.

    Of 32FC1 a compressedDepth holds the inverse, a / depth + b with the header's a and b.
    """
    encoding, _, packing = (part.strip() for part in message.format.partition(";"))
    headed = packing.startswith("compressedDepth")
    if encoding not in DEPTH_TYPES or "rvl" in packing or (encoding == "32FC1" and not headed):
        raise ConversionError(
            f"depth format {message.format!r}; it must be '16UC1; compressedDepth png', "
            "'32FC1; compressedDepth png' or '16UC1; png compressed'"
        )
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
    packed = np.frombuffer(bytes(message.data), np.uint8)[start:]
    image = cv2.imdecode(packed, flags) if len(packed) else None
    if image is None:
        raise ConversionError(
            f"{message.format!r} image of {len(message.data)} bytes holds no image"
        )
    return image


def to_intrinsics(message: object) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return `K [3, 3]` and distortion `[5]` (OpenCV's k1 k2 p1 p2 k3) of a camera.

    Args:
        message: sensor_msgs/CameraInfo; K gets pixel centres at + 0.5.

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


def to_frame(
    color: object, depth: object, info: object, camtoworld: NDArray[np.float64]
) -> RgbdFrame:
    """Return the undistorted frame of a colour and a depth image of one camera.

    Args:
        color: image.
        depth: image aligned to it.
        info: camera info of both.
        camtoworld: `[4, 4]` pose of the camera.

    Raises:
        ValueError: one of them cannot be converted, or their sizes differ.
    """
    K, distortion = to_intrinsics(info)
    stamp = to_seconds(color.header.stamp)
    frame = RgbdFrame(to_rgb(color), to_depth(depth), K, camtoworld, stamp)
    return undistort(frame, Distortion(distortion))
