import numpy as np
import pytest

from m3_ros.grasp.free_spot import free_spots, is_clear, surface_level

LEVEL = 0.3


@pytest.fixture(scope="module")
def table():
    """A table top of 0.6 x 0.4 m about (0.7, 0), points 8 mm apart."""
    x, y = np.meshgrid(np.arange(0.4, 1.0, 0.008), np.arange(-0.2, 0.2, 0.008))
    return np.stack([x.ravel(), y.ravel(), np.full(x.size, LEVEL)], axis=-1)


def block(x, y, side=0.06, height=0.08):
    grid = np.stack(np.meshgrid(*[np.linspace(-0.5, 0.5, 12)] * 3), -1).reshape(-1, 3)
    return grid * [side, side, height] + [x, y, LEVEL + height / 2]


def test_the_fullest_level_is_the_surface(table):
    floor = table[::3] - [0.0, 0.0, 0.5]
    assert surface_level(np.concatenate([floor, table, block(0.7, 0.0)])) == pytest.approx(LEVEL)


def test_without_points_there_is_no_surface():
    assert surface_level(np.zeros((0, 3))) is None


def test_every_spot_is_free_and_on_the_table(table):
    things = block(0.6, 0.05)
    spots = free_spots(np.concatenate([table, things]), LEVEL, 0.1, np.array([0.6, 0.05]))
    assert len(spots) > 5 and (spots[:, 2] == LEVEL).all()
    for spot in spots:
        assert np.linalg.norm(things[:, :2] - spot[:2], axis=1).min() > 0.09
        assert 0.4 + 0.09 < spot[0] < 1.0 - 0.09 and abs(spot[1]) < 0.2 - 0.09
    far = np.linalg.norm(spots[:, :2] - [0.6, 0.05], axis=1)
    assert (np.diff(far) >= 0.0).all()  # the nearest first
    assert far[0] < 0.17


def test_what_is_not_seen_is_not_free(table):
    hole = table[np.linalg.norm(table[:, :2] - [0.7, 0.0], axis=1) > 0.05]
    spots = free_spots(hole, LEVEL, 0.08, np.array([0.7, 0.0]))
    assert len(spots) and np.linalg.norm(spots[:, :2] - [0.7, 0.0], axis=1).min() > 0.12


def test_a_full_table_has_no_free_spot(table):
    things = [block(x, y) for x in np.arange(0.45, 1.0, 0.14) for y in (-0.12, 0.0, 0.12)]
    assert len(free_spots(np.concatenate([table, *things]), LEVEL, 0.1, np.zeros(2))) == 0


def test_no_surface_at_that_level_has_no_spot(table):
    assert len(free_spots(table, LEVEL + 0.1, 0.1, np.zeros(2))) == 0


@pytest.mark.parametrize(("distance", "clear"), [(0.09, False), (0.12, True)])
def test_a_target_is_clear_when_nothing_rises_beside_it(table, distance, clear):
    spot = np.array([0.7, 0.0, LEVEL])
    assert is_clear(np.concatenate([table, block(0.7 + distance, 0.0)]), spot, 0.08) is clear
