"""A thing is lifted and put back by physics."""

import numpy as np
import pytest

from m3_ros.codes import GraspErrorCode
from m3_ros.config import GraspConfig, SimulationConfig
from m3_ros.evaluate.contact_forces import ContactForces
from m3_ros.evaluate.grasp_oracle import Oracle
from m3_ros.grasp.executor import execute_grasp
from m3_ros.grasp.planning import Planner
from m3_ros.robot_model import load_robot
from m3_ros.sim.robot import SimulatedRobot
from m3_ros.sim.scene import random_scene
from m3_ros.sim.simulation import Simulation


@pytest.mark.parametrize(
    ("seed", "label", "loss"),
    [
        (0, "yellow bath duck", None),
        (6, "red mug", None),
        (5, "red mug", "slipped from the jaws"),  # creeps out of the tips (RESULTS, Putting back)
    ],
)
def test_it_stands_again_where_it_was_or_is_told_to_be_lost(seed, label, loss):
    simulation = Simulation(SimulationConfig(seed=seed), random_scene(seed, 3, (label,)))
    robot, world = SimulatedRobot(simulation), simulation.world
    forces = ContactForces(world, label)
    before, heights = world.pose_of(label), []

    def note(stage, *_):
        forces.pressing = stage in ("lower", "release")
        heights.append(world.pose_of(label)[2, 3])

    oracle = Oracle(simulation, label, 0.001, np.zeros(3), np.random.default_rng(seed))
    planner = Planner(load_robot(), GraspConfig())
    surroundings = oracle.surroundings()
    outcome = execute_grasp(robot, planner, oracle.target, surroundings, note, place=True)
    robot.wait(1.0)
    after = world.pose_of(label)
    simulation.close()
    assert max(heights) > before[2, 3] + 0.1
    if loss and outcome.error_code is not GraspErrorCode.NONE:
        assert loss in outcome.error_msg
        return
    assert outcome.error_code is GraspErrorCode.NONE, outcome.error_msg
    assert np.linalg.norm(after[:3, 3] - before[:3, 3]) < 0.03
    assert after[2, 2] > 0.98  # upright
    assert forces.of_object < 30.0 and forces.of_robot < 30.0
    assert world.joint_state().gripper < -0.2
