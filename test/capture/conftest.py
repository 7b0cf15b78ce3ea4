"""A textured room in which features are found, with depth."""

import cv2
import numpy as np
import pytest


def texture():
    """Blots of all sizes, grey `[512, 512]`."""
    rng = np.random.default_rng(0)
    layers = [cv2.resize(rng.random((n, n)).astype(np.float32), (512, 512)) for n in (16, 64, 160)]
    mixed = sum(layers)
    return ((mixed - mixed.min()) / np.ptp(mixed) * 255).astype(np.uint8)


@pytest.fixture(scope="session")
def textured_room():
    """The function that shows a floor with a wall behind it: RGB and depth from a camera."""
    blots = texture()

    def view(camtoworld, K, size):
        rows, columns = np.indices(size) + 0.5
        xy = [(columns - K[0, 2]) / K[0, 0], (rows - K[1, 2]) / K[1, 1]]
        rays = np.stack([*xy, np.ones(size)], -1) @ camtoworld[:3, :3].T
        eye = camtoworld[:3, 3]
        with np.errstate(divide="ignore"):
            to_floor = -eye[2] / rays[..., 2]
            to_wall = (-0.6 - eye[0]) / rays[..., 0]
        to_floor[to_floor < 0], to_wall[to_wall < 0] = np.inf, np.inf
        z = np.minimum(to_floor, to_wall)
        points = eye + rays * z[..., None]
        u = np.where(to_floor < to_wall, points[..., 0], points[..., 2] + 1.0)
        maps = [np.float32((each * 256) % 511) for each in (u, points[..., 1])]
        grey = cv2.remap(blots, *maps, cv2.INTER_LINEAR)
        return np.dstack([grey, grey // 2 + 60, grey // 3]), z.astype(np.float32)

    return view
