"""Requests and goals survive the loss of messages, as the middleware loses them beside a stall."""

import threading
import time

import pytest
import rclpy
from rclpy.action import ActionClient, CancelResponse
from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.impl.implementation_singleton import rclpy_implementation

from m3_ros.action import Stow
from m3_ros.codes import QueryErrorCode
from m3_ros.nodes.action_client import ThreadSafeActionClient, cancel_goal, new_goal_id
from m3_ros.nodes.action_server import ReliableActionServer
from m3_ros.nodes.executor import PatientExecutor
from m3_ros.nodes.repeated_request import (
    REQUEST_DELAY,
    RepeatedRequest,
    is_late,
    request_result,
)
from m3_ros.srv import Query

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


class Losing:
    """The client of a request whose first `lost` sendings never arrive."""

    def __init__(self, lost, send):
        self._lost, self._send, self.count = lost, send, 0

    def __call__(self):
        self.count += 1
        return rclpy.task.Future() if self.count <= self._lost else self._send()


def wait_for(request):
    end = time.monotonic() + WAIT
    while not request.done() and time.monotonic() < end:
        time.sleep(0.01)
    return request.answer.result()


def test_a_request_that_is_lost_is_sent_again_and_answered_once():
    late = rclpy.task.Future()
    send = Losing(1, lambda: late)
    request = RepeatedRequest(send, lambda waited: send.count < 3)
    assert not request.done() and not request.done() and send.count == 3
    late.set_result("answer")
    assert request.done() and request.answer.result() == "answer" and send.count == 3


def test_busy_of_a_repetition_does_not_stand_for_the_answer():
    sent = [rclpy.task.Future(), rclpy.task.Future()]
    request = RepeatedRequest(iter(sent).__next__, lambda waited: not sent[1].done())
    assert not request.done()
    sent[1].set_result(Query.Response(error_code=QueryErrorCode.BUSY))
    assert not request.done()  # the first is being served
    sent[0].set_result(Query.Response(error_code=QueryErrorCode.NONE))
    assert request.done() and request.answer.result().error_code == QueryErrorCode.NONE


def test_a_request_that_is_not_late_is_sent_once():
    send = Losing(1, None)
    request = RepeatedRequest(send, is_late)
    assert not request.done() and send.count == 1
    assert not is_late(0.5 * REQUEST_DELAY) and is_late(1.1 * REQUEST_DELAY)


def test_a_goal_that_is_lost_is_sent_again(server, spin):
    client, goal_id = connect(ThreadSafeActionClient, spin("client")), new_goal_id()
    goal = Stow.Goal(posture="home")
    send = Losing(1, lambda: client.send_goal_async(goal, goal_uuid=goal_id))
    handle = wait_for(RepeatedRequest(send, lambda waited: send.count < 2))
    assert handle.accepted and wait_for(request_result(handle)).result.success
    client.destroy()


def test_a_goal_that_comes_twice_runs_once(server, spin):
    client, goal_id = connect(ThreadSafeActionClient, spin("client")), new_goal_id()
    sent = [client.send_goal_async(Stow.Goal(), goal_uuid=goal_id) for _ in range(3)]
    handles = [done(each) for each in sent]
    assert all(handle.accepted for handle in handles)
    assert len(done(handles[0].cancel_goal_async()).goals_canceling) == 1
    assert len({id(wait_for(request_result(handle)).result) for handle in handles}) == 3
    assert len(server._goal_handles) == 1
    again = done(client.send_goal_async(Stow.Goal(), goal_uuid=goal_id))  # it has ended
    assert again.accepted and not done(again.get_result_async()).result.success
    client.destroy()


class LosingResults(ThreadSafeActionClient):
    """A client that loses the first result, and with `deaf` hears no status."""

    lost, deaf = 0, False

    def take_data(self):
        taken = super().take_data()
        if self.deaf:
            taken.pop("status", None)
        if "result" in taken and not self.lost:
            taken.pop("result")
            self.lost += 1
        return taken


def test_a_result_that_is_lost_is_asked_for_again(server, spin):
    client = connect(LosingResults, spin("client"))
    handle = done(client.send_goal_async(Stow.Goal(posture="home")))
    assert wait_for(request_result(handle)).result.success and client.lost == 1
    client.destroy()


def test_a_result_whose_status_is_late_too_is_asked_for_again_once_the_robot_rests(server, spin):
    client = connect(LosingResults, spin("client"))
    client.deaf = True
    handle = done(client.send_goal_async(Stow.Goal(posture="home")))
    result = wait_for(request_result(handle, over=lambda: client.lost == 1))
    assert result.result.success and client.lost == 1
    client.destroy()


def test_an_rclpy_of_other_internals_is_refused_by_name(spin, monkeypatch):
    monkeypatch.delattr(ActionClient, "_get_result_async")
    with pytest.raises(RuntimeError, match=r"lacks _get_result_async.*rclpy 7\.1\.5"):
        ThreadSafeActionClient(spin("client"), Stow, "/m3/stow")
