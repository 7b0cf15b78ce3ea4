"""Things in the live frame: whole where they are seen steeply, apart where they stand apart."""

import numpy as np

from m3_ros.capture.frame import RgbdFrame
from m3_ros.config import QueryConfig
from m3_ros.query.observed import ObservedFrame
from m3_ros.query.planes import Plane

SIZE, K = (160, 120), np.array([[130.0, 0.0, 80.0], [0.0, 130.0, 60.0], [0.0, 0.0, 1.0]])
FLOOR = 0.35  # m below a camera that looks straight down
TABLE = Plane(np.array([0.0, 0.0, -1.0]), -FLOOR)


def looking_down_at(*boxes):
    """A frame of boxes `(low [3], high [3])` in the camera's frame; its world is that frame."""
    rows, columns = np.mgrid[: SIZE[1], : SIZE[0]] + 0.5
    rays = np.stack([(columns - 80) / 130, (rows - 60) / 130, np.ones_like(rows)], -1)
    depth = np.full(rows.shape, FLOOR)
    for low, high in boxes:
        ends = np.sort(np.stack([np.array(low) / rays, np.array(high) / rays]), axis=0)
        near, far = ends[0].max(-1), ends[1].min(-1)
        depth = np.where((near <= far) & (near < depth), near, depth)
    rgb = np.full((*rows.shape, 3), 200, np.uint8)
    return RgbdFrame(rgb, depth.astype(np.float32), K, np.eye(4), 0.0)


def segments(toy, frame):
    observed = ObservedFrame(frame, toy.model, QueryConfig())
    return observed.segments(observed.off_planes([TABLE]))


def test_a_tall_thing_is_one_though_its_side_is_seen_steeply(toy):
    frame = looking_down_at(([0.10, -0.015, 0.22], [0.13, 0.015, FLOOR]))
    (thing,) = segments(toy, frame)
    np.testing.assert_allclose(np.ptp(thing.points[:, 2]), 0.12, atol=0.012)


def test_things_side_by_side_are_two(toy):
    left, right = (
        ([-0.05, -0.02, 0.3], [-0.005, 0.02, FLOOR]),
        ([0.005, -0.02, 0.3], [0.05, 0.02, FLOOR]),
    )
    assert len(segments(toy, looking_down_at(left, right))) == 2


def test_what_stands_before_something_far_behind_is_apart_from_it(toy):
    before, behind = (
        ([-0.02, -0.02, 0.15], [0.0, 0.02, 0.16]),
        ([-0.05, -0.05, 0.3], [0.05, 0.05, FLOOR]),
    )
    found = segments(toy, looking_down_at(before, behind))
    assert sorted(round(float(thing.points[:, 2].min()), 2) for thing in found) == [0.15, 0.3]
