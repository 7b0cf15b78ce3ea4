import numpy as np

from m3_ros.grasp.directions import grasp_directions

AZIMUTH = 0.3
PAIRS = [(tuple(a.round(9)), c) for a, c in grasp_directions(AZIMUTH)]
APPROACHES = np.array(sorted({approach for approach, _ in PAIRS}))


def test_directions_are_unit_and_orthogonal():
    for approach, closing in grasp_directions(AZIMUTH):
        axes = np.stack([approach, closing])
        np.testing.assert_allclose(axes @ axes.T, np.eye(2), atol=1e-12)


def test_approaches_are_vertical_or_slanted_away_from_the_arm():
    slanted = APPROACHES[APPROACHES[:, 2] > -0.999]
    below = np.degrees(np.arcsin(-slanted[:, 2])).round(3)
    side = np.degrees(np.arctan2(slanted[:, 1], slanted[:, 0]) - AZIMUTH).round(3)
    assert sorted(zip(below, side, strict=True)) == [
        (pitch, angle) for pitch in (60.0, 75.0) for angle in (-35.0, 0.0, 35.0)
    ]
    assert len(APPROACHES) == len(slanted) + 1


def test_the_jaws_close_in_directions_all_round():
    """Every 15 degrees from above, every 45 degrees about a slanted approach."""
    for approach in APPROACHES:
        slanted = approach[2] > -0.999
        level = np.cross(approach, [0.0, 0.0, 1.0]) if slanted else np.array([1.0, 0.0, 0.0])
        level /= np.linalg.norm(level)
        other = np.cross(approach, level)
        closings = [closing for pair, closing in PAIRS if pair == tuple(approach)]
        angles = [np.arctan2(closing @ other, closing @ level) for closing in closings]
        found = np.sort(np.degrees(angles).round(3) % 360.0)
        np.testing.assert_allclose(found, np.arange(0, 360, 45 if slanted else 15), atol=1e-3)
