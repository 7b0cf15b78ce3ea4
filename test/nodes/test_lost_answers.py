"""A goal survives the loss of its answer, as the middleware loses it beside a stall."""

import threading

import pytest
import rclpy
from rclpy.action import ActionClient, CancelResponse
from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.impl.implementation_singleton import rclpy_implementation

from m3_ros.action import Stow
from m3_ros.nodes.action_client import ThreadSafeActionClient, cancel_goal
from m3_ros.nodes.action_server import ReliableActionServer
from m3_ros.nodes.executor import PatientExecutor

WAIT = 60.0  # s


class DeafClient(ThreadSafeActionClient):
    """A client that never gets the answer to a goal."""

    def take_data(self):
        taken = super().take_data()
        taken.pop("goal", None)
        return taken


class Unsendable:
    """The handle of a server whose answers to goals cannot be sent."""

    def __init__(self, handle):
        self._handle = handle

    def __getattr__(self, name):
        return getattr(self._handle, name)

    def send_goal_response(self, *_):
        raise rclpy_implementation.RCLError("the client may have gone away")


@pytest.fixture
def server(context):
    """An action server; its goals end when they are cancelled, of posture "home" at once."""

    def execute(goal):
        goal.publish_feedback(Stow.Feedback(stage="move"))
        while goal.request.posture != "home" and not goal.is_cancel_requested:
            ended.wait(0.01)
        result = Stow.Result(success=not goal.is_cancel_requested)
        (goal.succeed if result.success else goal.canceled)()
        return result

    ended = threading.Event()
    node = rclpy.create_node("arm", context=context)
    server = ReliableActionServer(
        node, Stow, "/m3/stow", execute, cancel_callback=lambda _: CancelResponse.ACCEPT,
        callback_group=ReentrantCallbackGroup(),
    )  # fmt: skip
    executor, stop = PatientExecutor(4, context=context), rclpy.task.Future()
    executor.add_node(node)
    thread = threading.Thread(target=executor.spin_until_future_complete, args=(stop,))
    thread.start()
    yield server
    stop.set_result(None)
    thread.join()
    server.destroy()
    node.destroy_node()


def done(future):
    event = threading.Event()
    future.add_done_callback(lambda _: event.set())
    assert event.wait(WAIT)
    return future.result()


def connect(kind, node):
    client = kind(node, Stow, "/m3/stow")
    assert client.wait_for_server(WAIT)
    return client


def test_a_goal_whose_answer_is_lost_is_accepted_by_its_status(server, spin):
    client = connect(DeafClient, spin("client"))
    handle = done(client.send_goal_async(Stow.Goal(posture="home")))
    assert handle.accepted
    assert done(handle.get_result_async()).result.success
    client.destroy()


def test_a_goal_whose_answer_is_lost_can_be_cancelled(server, spin):
    client = connect(DeafClient, spin("client"))
    sent = client.send_goal_async(Stow.Goal(posture="away"))
    assert len(done(cancel_goal(sent)).goals_canceling) == 1
    assert not done(done(sent).get_result_async()).result.success
    client.destroy()


def test_a_goal_whose_answer_cannot_be_sent_runs(server, spin):
    server._handle = Unsendable(server._handle)
    client = connect(ThreadSafeActionClient, spin("client"))
    handle = done(client.send_goal_async(Stow.Goal(posture="home")))
    assert done(handle.get_result_async()).result.success
    client.destroy()


def test_a_late_answer_is_no_second_one(server, spin, capfd):
    client = connect(ThreadSafeActionClient, spin("client"))
    held, take = [], client.take_data

    def delayed():
        taken = take()
        held.extend([taken.pop("goal")] if "goal" in taken else [])
        if "result" in taken:
            taken["goal"] = held.pop()
        return taken

    client.take_data = delayed
    handle = done(client.send_goal_async(Stow.Goal(posture="home")))
    assert done(handle.get_result_async()).result.success
    assert "unexpected goal response" not in "".join(capfd.readouterr())
    client.destroy()


def test_an_rclpy_of_other_internals_is_refused_by_name(spin, monkeypatch):
    monkeypatch.delattr(ActionClient, "_get_result_async")
    with pytest.raises(RuntimeError, match=r"lacks _get_result_async.*rclpy 7\.1\.5"):
        ThreadSafeActionClient(spin("client"), Stow, "/m3/stow")
