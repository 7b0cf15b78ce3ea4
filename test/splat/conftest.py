"""A small table with boxes and balls, ray-cast exactly: frames whose truth is known."""

import numpy as np
import pytest

from m3_ros.capture.frame import RgbdFrame
from m3_ros.geometry import backproject, look_at

BALLS = np.array([[0.1, 0.05, 0.05, 0.05], [-0.12, 0.1, 0.06, 0.06], [0.0, -0.14, 0.04, 0.04]])
COLORS = np.array([[0.9, 0.7, 0.1], [0.2, 0.4, 0.8], [0.8, 0.2, 0.2]])


def cast(camtoworld, width, height, detail=0.0):
    """The frame of a camera: a patterned table at z = 0 and three shaded balls.

    `detail` is the amplitude of a fine, irregular pattern.
    """
    K = np.array([[width * 0.9, 0, width / 2], [0, width * 0.9, height / 2], [0, 0, 1]])
    rays = backproject(np.ones((height, width)), K) @ camtoworld[:3, :3].T
    origin = camtoworld[:3, 3]
    depth = -origin[2] / rays[..., 2]
    point = origin + rays * depth[..., None]
    wave = np.sin(point[..., 0] * 30) * np.sin(point[..., 1] * 23 + 1)
    tone = 0.5 + 0.2 * wave + 0.15 * np.sin(point[..., 0] * 11 + point[..., 1] * 17)
    for i in range(6):
        angle, waves = 2.3 * i, 90 + 37 * i
        along = point[..., 0] * np.cos(angle) + point[..., 1] * np.sin(angle)
        tone = tone + detail / 3 * np.sin(waves * along + i)
    rgb = np.stack([tone, 0.8 * tone, 0.6 * tone], -1)
    for (*centre, radius), color in zip(BALLS, COLORS, strict=True):
        offset = origin - np.array(centre)
        a, b = (rays * rays).sum(-1), (rays * offset).sum(-1)
        root = b * b - a * (offset @ offset - radius**2)
        near = (-b - np.sqrt(np.maximum(root, 0))) / a
        hit = (root > 0) & (near < depth)
        normal = (origin + rays * near[..., None] - np.array(centre)) / radius
        shade = 0.6 + 0.4 * normal[..., 2] + 0.1 * np.sin(normal[..., 0] * 9)
        depth = np.where(hit, near, depth)
        rgb = np.where(hit[..., None], color * shade[..., None], rgb)
    rgb = (rgb.clip(0, 1) * 255 + 0.5).astype(np.uint8)
    return RgbdFrame(rgb=rgb, depth=depth.astype(np.float32), K=K, camtoworld=camtoworld)


def circle(count, width=120, height=90):
    """Frames around the table, at changing heights, looking at its middle."""
    angles = np.arange(count) * 2.4
    heights = 0.3 + 0.08 * np.sin(np.arange(count) * 1.7)
    eyes = np.stack([0.35 * np.cos(angles), 0.35 * np.sin(angles), heights], 1)
    return [cast(look_at(eye, [0, 0, 0.02]), width, height) for eye in eyes]


@pytest.fixture(scope="session")
def table_frames():
    return circle(16)


@pytest.fixture(scope="session")
def large_table_frames():
    return circle(8, 320, 240)


@pytest.fixture(scope="session")
def ring_frames():
    """Five frames along a ring, 8 degrees apart."""
    angles = np.radians(np.arange(5) * 8.0)
    eyes = np.stack([0.35 * np.cos(angles), 0.35 * np.sin(angles), np.full(5, 0.3)], 1)
    return [cast(look_at(eye, [0, 0, 0.02]), 320, 240, detail=0.3) for eye in eyes]
