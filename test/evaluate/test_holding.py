"""What the gripper holds, by physics: refused goals, putting down, cancels with closed jaws."""

import numpy as np
import pytest

from m3_ros.codes import GraspErrorCode, MoveErrorCode, PlaceErrorCode
from m3_ros.config import GraspConfig, SimulationConfig
from m3_ros.evaluate.grasp_oracle import Oracle
from m3_ros.grasp.carry import execute_stow
from m3_ros.grasp.executor import execute_grasp
from m3_ros.grasp.holding import closing_effort, is_holding
from m3_ros.grasp.placement import execute_place
from m3_ros.grasp.planning import Planner
from m3_ros.robot_model import load_robot
from m3_ros.sim.robot import SimulatedRobot
from m3_ros.sim.scene import random_scene
from m3_ros.sim.simulation import Simulation

DUCK = "yellow bath duck"


class Cell:
    """A robot before a duck, and its goals."""

    def __init__(self, label=DUCK, seed=0):
        self.simulation = Simulation(SimulationConfig(seed=seed), random_scene(seed, 1, (label,)))
        self.robot = SimulatedRobot(self.simulation)
        rng = np.random.default_rng(seed)
        self.oracle = Oracle(self.simulation, label, 0.001, np.zeros(3), rng)
        self.planner = Planner(load_robot(), GraspConfig())
        self.label, self.stages = label, []
        self.surroundings = self.oracle.surroundings()

    def grasp(self, cancelled=lambda: False):
        self.stages.clear()
        return execute_grasp(
            self.robot,
            self.planner,
            self.oracle.target,
            self.surroundings,
            lambda stage, *_: self.stages.append(stage),
            cancelled,
        )

    def place_of(self):
        return self.simulation.world.pose_of(self.label)

    def holds(self):
        return is_holding(self.planner, self.robot.joint_state())


@pytest.fixture
def cell():
    cell = Cell()
    yield cell
    cell.simulation.close()


def test_a_held_object_is_carried_and_put_down_on_a_free_spot(cell):
    before = cell.place_of()
    assert not cell.holds()
    assert execute_place(cell.robot, cell.planner, cell.surroundings).error_code is (
        PlaceErrorCode.NOTHING_HELD
    )
    assert cell.grasp().error_code is GraspErrorCode.NONE and cell.holds()
    refused = cell.grasp()
    assert refused.error_code is GraspErrorCode.HOLDING and "m3 place" in refused.error_msg
    stowed = execute_stow(cell.robot, cell.planner, cell.surroundings)
    assert stowed == (MoveErrorCode.NONE, "") and cell.holds()
    outcome = execute_place(cell.robot, cell.planner, cell.surroundings)
    cell.robot.wait(1.0)
    assert outcome.error_code is PlaceErrorCode.NONE, outcome.error_msg
    after = cell.place_of()
    assert abs(after[2, 3] - before[2, 3]) < 0.01 and after[2, 2] > 0.98
    assert np.linalg.norm(after[:2, 3] - outcome.spot[:2]) < 0.05
    assert not cell.holds() and cell.robot.joint_state().gripper < -0.2


@pytest.mark.parametrize("torque", [0.5, 2.5])  # while the jaws settle, and while they squeeze
def test_jaws_cancelled_on_the_object_leave_it_before_the_next_goal(cell, torque):
    """Without a memory: the camera alone shows what is between the jaws."""
    gripper = cell.planner.robot_model.gripper

    def squeezing():
        joints = cell.robot.joint_state()
        rests = abs(joints.gripper_velocity) < 0.02
        return cell.stages[-1:] == ["close"] and rests and closing_effort(gripper, joints) > torque

    assert cell.grasp(squeezing).error_code is GraspErrorCode.CANCELLED
    cell.robot.wait(1.0)
    assert gripper.opening(cell.robot.joint_state().gripper) > 0.5 and not cell.holds()
    cell.surroundings = np.zeros((0, 3))
    outcome = cell.grasp()
    assert outcome.error_code is GraspErrorCode.NONE, outcome.error_msg
    assert "leave the object" in cell.stages


def test_a_goal_cancelled_after_the_lift_still_holds_the_object(cell):
    assert cell.grasp(lambda: "check" in cell.stages).error_code is GraspErrorCode.CANCELLED
    assert cell.grasp().error_code is GraspErrorCode.HOLDING and cell.holds()
    outcome = execute_place(cell.robot, cell.planner, cell.surroundings)
    assert outcome.error_code is PlaceErrorCode.NONE, outcome.error_msg
