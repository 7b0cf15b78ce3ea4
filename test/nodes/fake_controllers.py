"""Controllers in this process that do what a test asks for, or fail as real ones do."""

import threading
import time

from control_msgs.action import FollowJointTrajectory
from controller_manager_msgs.msg import ControllerState
from controller_manager_msgs.srv import ListControllers
from rclpy.action import ActionServer, CancelResponse, GoalResponse
from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.task import Future
from sensor_msgs.msg import JointState
from trajectory_msgs.msg import JointTrajectory

from m3_ros.config import M3Config
from m3_ros.nodes.executor import PatientExecutor
from m3_ros.nodes.gripper_client import ACTIONS
from m3_ros.robot_model import load_robot

MODEL = load_robot()
ARM, GRIPPER = MODEL.arm.controller.name, MODEL.gripper.controller.name


class AskedServer(ActionServer):
    """Notes that it was asked for a result before it answers."""

    def __init__(self, asked, *args, **options):
        self.was_asked = asked
        super().__init__(*args, **options)

    async def _execute_get_result_request(self, request):
        await super()._execute_get_result_request(request)
        if not any(request[1].goal_id.uuid):
            self.was_asked.set()


class FakeControllers:
    """Joint states that never change, and the servers that a test adds.

    Args:
        node: carries all.
        model: the robot.
        prefix: of its joints' names.

    Attributes:
        asked: set when the result of no goal was asked for.
        cancelled: set when a goal was cancelled.
        following: set while a goal of the arm is under way.
        trajectories: received by the arm.
    """

    def __init__(self, node, model=MODEL, prefix=""):
        self.model, self.names = model, [prefix + joint for joint in model.joints]
        self.node, self.group = node, ReentrantCallbackGroup()
        self.cancelled, self.following = threading.Event(), threading.Event()
        self.asked = threading.Event()
        self.trajectories, self.servers = [], []
        self.silent = False
        self.states = node.create_publisher(JointState, M3Config().robot.joint_states_topic, 10)
        node.create_timer(0.02, self.publish, callback_group=self.group)
        self.executor = PatientExecutor(6, context=node.context)
        self.executor.add_node(node)
        self.stop = Future()
        self.thread = threading.Thread(
            target=self.executor.spin_until_future_complete, args=(self.stop,)
        )
        self.thread.start()

    def publish(self):
        self.states.publish(JointState(name=self.names, position=[0.0] * 7))

    def serve_arm(self, code=0, seconds=0.3, accept=True, delay=0.0):
        """Serve the arm's action: goals take `seconds`, with feedback, and end with a code."""

        def follow(goal):
            self.trajectories.append(goal.request.trajectory)
            self.following.set()
            end = time.monotonic() + seconds
            while time.monotonic() < end and not goal.is_cancel_requested:
                if not self.silent:
                    goal.publish_feedback(FollowJointTrajectory.Feedback())
                time.sleep(0.02)
            return self.end(goal, FollowJointTrajectory.Result(error_code=code), code == 0)

        name = f"{self.model.arm.controller.name}/follow_joint_trajectory"
        self.serve(FollowJointTrajectory, name, follow, accept, delay)

    def serve_gripper(self, kind="parallel", accept=True, succeeded=True, seconds=0.0, **result):
        """Serve the gripper's action; returns the list of goals to come."""
        goals = []

        def move(goal):
            goals.append(goal.request.command)
            end = time.monotonic() + seconds
            while time.monotonic() < end and not goal.is_cancel_requested:
                time.sleep(0.02)
            return self.end(goal, ACTIONS[kind].Result(**result), succeeded)

        self.serve(ACTIONS[kind], f"{GRIPPER}/gripper_cmd", move, accept, 0.0)
        return goals

    def serve(self, kind, name, execute, accept, delay):
        def answer(_):
            time.sleep(delay)
            return GoalResponse.ACCEPT if accept else GoalResponse.REJECT

        server = AskedServer(
            self.asked,
            self.node,
            kind,
            name,
            execute,
            goal_callback=answer,
            cancel_callback=lambda _: CancelResponse.ACCEPT,
            callback_group=self.group,
        )
        self.servers.append(server)

    def end(self, goal, result, succeeded):
        if goal.is_cancel_requested:
            goal.canceled()
            self.cancelled.set()
        else:
            (goal.succeed if succeeded else goal.abort)()
        return result

    def listen(self):
        """Take trajectories from the arm's topic."""
        self.node.create_subscription(
            JointTrajectory, f"{ARM}/joint_trajectory", self.trajectories.append, 10
        )

    def list(self, *interfaces, **states):
        """Serve the controller manager's list; returns the states, which a test may change."""

        def answer(_, response):
            response.controller = [
                ControllerState(
                    name=name, state=state, required_command_interfaces=list(interfaces)
                )
                for name, state in states.items()
            ]
            return response

        self.node.create_service(ListControllers, "controller_manager/list_controllers", answer)
        return states

    def hang(self):
        """Do nothing any more; discovery goes on, as with a process that was killed just now."""
        self.stop.set_result(None)
        self.thread.join()
        self.executor.shutdown()  # what it waited for last keeps the servers in use

    def die(self):
        """End all servers, as with their process."""
        if not self.stop.done():
            self.hang()
        while self.servers:
            self.servers.pop().destroy()
