"""Convert messages of cameras and TF, and read requests, with fields changed at random.

The messages are plain objects with the fields of the standard ones, filled as DDS may fill them:
any number of the field's type, any text, data of any length.
"""

from __future__ import annotations

import math
from types import SimpleNamespace

import cv2
import numpy as np

from m3_ros.capture.camera_messages import DepthCamera, to_frame
from m3_ros.capture.messages import COLOR_TYPES, to_pose, to_seconds
from m3_ros.capture.transform_buffer import TransformBuffer, TransformError
from m3_ros.query.grammar import QueryError
from m3_ros.query.request import parse_request

WHOLE = (0, 1, 2, 7, 16, 255, 2**15, 2**31 - 1, 2**32 - 1)
REAL = (0.0, -0.0, 1.0, -1.0, 0.5, 1e-300, 1e-30, 1e30, 1e300, math.nan, math.inf, -math.inf)
TEXTS = (
    "", " ", "/", "\0", "x", "camera", "map", "rgb8", "mono16", "16UC1", "32FC1", "plumb_bob",
    "equidistant", "16UC1; compressedDepth png", "32FC1; compressedDepth png", "png", "é" * 300,
    "a" * 5000,
)  # fmt: skip
FRAMES = ("map", "odom", "base_link", "camera", "/camera", "")
PHRASES = (
    "the red cup", "a", "left of", "second", "largest", "and", "not", "two", "near", "between",
    "on the table", "mug", "🍌", "\u202e", "ß", "\ud83d", "1", "-1", "10**9", ",", ".", "'", "\n",
    "next to the", "behind", "every", "except", "without", "thing", "green or blue",
)  # fmt: skip


def convert_at_random(rng: np.random.Generator) -> None:
    """Convert a colour and a depth image, or transforms, with up to four fields changed.

    Raises:
        ValueError, TransformError: as the conversions document.
    """
    if rng.random() < 0.3:
        _transforms(rng)
        return
    shape = [int(size) for size in rng.integers(1, 40, 2)]
    color, depth = _color(rng, shape), _depth(rng, shape)
    info = _info(shape)
    registered = None if rng.random() < 0.7 else DepthCamera(_info(shape), np.eye(4))
    for _ in range(rng.integers(0, 5)):
        _change((color, depth, info, color.header, depth.header)[rng.integers(5)], rng)
    to_frame(color, depth, info, np.eye(4), registered)


def read_request_at_random(rng: np.random.Generator) -> None:
    """Read a query of random words.

    Raises:
        QueryError: as it documents.
    """
    words = [PHRASES[rng.integers(len(PHRASES))] for _ in range(rng.integers(0, 12))]
    if rng.random() < 0.1:
        words = words * int(rng.integers(1, 500))
    if rng.random() < 0.2:
        words.append("".join(chr(c) for c in rng.integers(0, 0xD7FF, rng.integers(1, 30))))
    parse_request(str(rng.choice([" ", "", "  "])).join(words), int(rng.choice([20, 200, 2000])))


def _header(frame: str) -> SimpleNamespace:
    return SimpleNamespace(frame_id=frame, stamp=SimpleNamespace(sec=10, nanosec=0))


def _color(rng: np.random.Generator, shape: list[int]) -> SimpleNamespace:
    if rng.random() < 0.2:
        return _packed("rgb8; jpeg compressed bgr8", ".jpg", np.full((*shape, 3), 90, np.uint8))
    encoding = str(rng.choice(list(COLOR_TYPES)))
    kind, channels, _ = COLOR_TYPES[encoding]
    return _image(encoding, shape, channels * kind.itemsize)


def _depth(rng: np.random.Generator, shape: list[int]) -> SimpleNamespace:
    if rng.random() < 0.2:
        return _packed("16UC1; png compressed ", ".png", np.full(shape, 500, np.uint16))
    encoding = str(rng.choice(["16UC1", "32FC1"]))
    return _image(encoding, shape, 2 if encoding == "16UC1" else 4)


def _image(encoding: str, shape: list[int], size: int) -> SimpleNamespace:
    height, width = shape
    return SimpleNamespace(
        header=_header("camera"), height=height, width=width, encoding=encoding, is_bigendian=0,
        step=width * size, data=bytes(range(256)) * (height * width * size // 256 + 1),
    )  # fmt: skip


def _packed(form: str, suffix: str, image: np.ndarray) -> SimpleNamespace:
    data = cv2.imencode(suffix, image)[1].tobytes()
    return SimpleNamespace(header=_header("camera"), format=form, data=data)


def _info(shape: list[int]) -> SimpleNamespace:
    height, width = shape
    return SimpleNamespace(
        header=_header("camera"), height=height, width=width, distortion_model="plumb_bob",
        d=[0.0] * 5, k=[20.0, 0.0, width / 2, 0.0, 20.0, height / 2, 0.0, 0.0, 1.0],
    )  # fmt: skip


def _transforms(rng: np.random.Generator) -> None:
    """Fill a buffer with random transforms and look one up."""
    tree = TransformBuffer(tell=lambda _: None)
    for _ in range(rng.integers(1, 12)):
        transform = SimpleNamespace(
            translation=_xyz(rng), rotation=SimpleNamespace(w=1.0, **vars(_xyz(rng)))
        )
        stamp = SimpleNamespace(sec=int(rng.choice([0, 1, 2, -1, 2**31 - 1])), nanosec=0)
        static = rng.random() < 0.3
        try:
            tree.add(
                str(rng.choice(FRAMES)), str(rng.choice(FRAMES)),
                None if static else to_seconds(stamp), to_pose(transform), 2.0,
            )  # fmt: skip
        except ValueError:
            continue
    pose = tree.lookup(str(rng.choice(FRAMES)), str(rng.choice(FRAMES)))
    if not np.isfinite(pose).all():
        raise AssertionError(f"a pose that is not finite: {pose.tolist()}")


def _xyz(rng: np.random.Generator) -> SimpleNamespace:
    values = [float(rng.choice(REAL)) if rng.random() < 0.1 else rng.normal() for _ in range(3)]
    return SimpleNamespace(**dict(zip("xyz", values, strict=True)))


def _change(message: SimpleNamespace, rng: np.random.Generator) -> None:
    """Give a field another value of its type."""
    name = str(rng.choice(list(vars(message))))
    value = getattr(message, name)
    match value:
        case str():
            value = TEXTS[rng.integers(len(TEXTS))]
        case int():
            value = WHOLE[rng.integers(len(WHOLE))]
        case bytes():
            start = int(rng.integers(len(value) + 1))
            value = value[:start] + rng.bytes(int(rng.integers(0, 20))) + value[start + 9 :]
            value = value if rng.random() < 0.5 else value[: int(rng.integers(len(value) + 1))]
        case list() if rng.random() < 0.3:
            value = value[: int(rng.integers(len(value)))] if name == "d" else value
        case list():
            value = list(value)
            value[rng.integers(len(value))] = float(REAL[rng.integers(len(REAL))])
        case SimpleNamespace() if name == "stamp":
            value = SimpleNamespace(sec=int(rng.choice([-(2**31), 2**31 - 1, 0])), nanosec=0)
    setattr(message, name, value)


CONVERT_ERRORS = (ValueError, TransformError)
READ_ERRORS = (QueryError,)
