"""A simulation started from a saved state goes on as the one that was saved."""

from dataclasses import replace

import numpy as np
import pytest

from m3_ros.config import SimulationConfig
from m3_ros.errors import UsageError
from m3_ros.sim.saved_state import save_state
from m3_ros.sim.simulation import Simulation

CONFIG = SimulationConfig(width=32, height=24, objects=1)


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """A file, the joints in it, and where everything is."""
    simulation = Simulation(CONFIG)
    simulation.teleport_base(-0.5, 0.1, 0.2)
    simulation.start_gripper([-0.6], [1.5], [7.0])
    simulation.step_until(1.0)
    path = tmp_path_factory.mktemp("state") / "state.npz"
    save_state(simulation, path)
    yield path, simulation.joint_state(), simulation.ground_truth(), simulation.gripper.command
    simulation.close()


def test_robot_and_objects_are_where_they_were(saved):
    path, joints, truth, command = saved
    simulation = Simulation(replace(CONFIG, state=str(path)))
    simulation.step_until(0.5)
    np.testing.assert_allclose(simulation.joint_state().positions, joints.positions, atol=1e-3)
    for name, pose in simulation.ground_truth().items():
        np.testing.assert_allclose(pose, truth[name], atol=1e-3)
    assert simulation.gripper.command == command
    assert np.abs(simulation.odometry().T_map_base - truth["base_link"]).max() < 0.01
    simulation.close()


def test_the_state_of_another_scene_is_refused(saved):
    path, *_ = saved
    with pytest.raises(UsageError, match="other objects"):
        Simulation(replace(CONFIG, objects=2, state=str(path)))


@pytest.mark.parametrize("content", [None, b"", b"nonsense"])
def test_what_is_no_state_is_refused(tmp_path, content):
    path = tmp_path / "state.npz"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UsageError, match=r"simulation\.state.*state\.npz"):
        Simulation(replace(CONFIG, state=str(path)))
