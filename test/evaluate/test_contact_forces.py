import pytest

from m3_ros.config import SimulationConfig
from m3_ros.evaluate.contact_forces import ContactForces
from m3_ros.grasp.robot import TrackingError
from m3_ros.grasp.time_parameterization import joint_move
from m3_ros.sim.robot import SimulatedRobot
from m3_ros.sim.scene import random_scene
from m3_ros.sim.simulation import Simulation

LABEL = "red box"


@pytest.fixture
def simulation():
    return Simulation(SimulationConfig(seed=3), random_scene(3, 1, (LABEL,)))


def test_an_object_at_rest_presses_with_its_weight(simulation):
    forces = ContactForces(simulation.world, LABEL)
    forces.pressing = True
    simulation.step_until(0.5)
    weight = 9.81 * simulation.world.scene.objects[0].model.mass
    assert forces.of_object == pytest.approx(weight, rel=0.1)
    assert forces.of_robot == 0.0


def test_what_gravity_does_is_not_counted(simulation):
    forces = ContactForces(simulation.world, LABEL)
    simulation.step_until(0.5)
    assert forces.of_object == 0.0


def test_an_arm_driven_into_the_table_is_felt(simulation):
    forces = ContactForces(simulation.world, LABEL)
    robot = SimulatedRobot(simulation)
    here = robot.joint_state().arm
    down = [0.4, 2.5, -1.0, 0.3, 0.0, 0.0]
    with pytest.raises(TrackingError):
        robot.execute_trajectory(joint_move(here, here * 0 + down, 1.0, 4.0))
    assert forces.of_robot > 30.0
