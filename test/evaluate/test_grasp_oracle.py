from dataclasses import replace

import numpy as np
import pytest

from m3_ros.codes import QueryStatus
from m3_ros.config import SimulationConfig
from m3_ros.evaluate.grasp_oracle import Oracle
from m3_ros.geometry import inverse, transform
from m3_ros.sim.scene import random_scene
from m3_ros.sim.simulation import Simulation

LABEL = "red box"


def points_of(noise=0.0, bias=(0.0, 0.0, 0.0), mount=(0.0, 0.0)):
    """Points of the object in the frame of its box, and those of everything else."""
    scene = random_scene(3, 4, (LABEL,))
    simulation = Simulation(replace(SimulationConfig(seed=3), mount_error=mount), scene)
    oracle = Oracle(simulation, LABEL, noise, np.array(bias), np.random.default_rng(0))
    target = oracle.target()
    assert target.status is QueryStatus.FOUND
    own = transform(inverse(simulation.ground_truth()[LABEL]), target.points)
    return own, oracle.surroundings(), scene.objects[0].model.size / 2


def test_without_errors_the_points_are_on_the_object():
    own, others, half = points_of()
    assert (np.abs(own) < half + 2e-3).all()
    assert np.abs(own).max(0) == pytest.approx(half, abs=4e-3)
    assert len(others) > 1000


def test_noise_and_bias_have_their_size():
    own, _, _ = points_of()
    noisy, _, _ = points_of(noise=0.002)
    off, _, _ = points_of(bias=(0.0, 0.0, 0.01))
    assert (noisy - own).std() == pytest.approx(0.002, rel=0.1)
    assert np.allclose(off - own, [0.0, 0.0, 0.01], atol=1e-9)


def test_a_camera_that_is_not_where_the_urdf_says_shifts_what_it_sees():
    own, _, _ = points_of()
    shifted, _, _ = points_of(mount=(0.005, 0.0))
    assert np.linalg.norm(shifted - own, axis=1) == pytest.approx(0.005, abs=1e-6)
