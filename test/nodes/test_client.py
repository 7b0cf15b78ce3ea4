"""The client waits for servers that are not there, and ends without an exception in a thread."""

import threading
import time

import pytest
import rclpy
from rclpy.action import ActionServer, CancelResponse

from m3_ros.action import Grasp
from m3_ros.codes import GraspErrorCode
from m3_ros.nodes import client as client_module
from m3_ros.nodes import grasp_client
from m3_ros.nodes.client import Client, ClientError
from m3_ros.nodes.executor import PatientExecutor
from m3_ros.srv import StopScan

pytestmark = pytest.mark.usefixtures("own_domain")


@pytest.fixture
def short_waits(monkeypatch):
    monkeypatch.setattr(client_module, "NOTICE_DELAY", 0.2)
    monkeypatch.setattr(client_module, "FIND_TIMEOUT", 0.6)


def test_a_missing_server_is_announced_and_then_named(short_waits, capsys):
    with pytest.raises(ClientError, match="nobody serves /m3/grasp.*m3 up"):
        grasp_client.send_grasp_goal("duck", dry_run=True)
    assert capsys.readouterr().err.startswith("nobody serves /m3/grasp yet; waiting up to")


def test_nodes_that_this_process_started_may_take_longer_than_those_of_others(short_waits):
    def alive():
        if time.monotonic() - begun > 2.0:
            raise InterruptedError

    begun = time.monotonic()
    with Client("test", alive) as client, pytest.raises(InterruptedError):
        client.run(Grasp, "/m3/grasp", Grasp.Goal())


def test_a_managed_node_that_is_seen_may_take_longer_too(short_waits, monkeypatch):
    monkeypatch.setattr(client_module, "SERVER_TIMEOUT", 1.5)
    with Client("test") as client:
        client.node.create_service(StopScan, "/grasp/change_state", lambda *_: None)
        with pytest.raises(ClientError, match="waited 2 s"):
            client.run(Grasp, "/m3/grasp", Grasp.Goal())


@pytest.mark.parametrize(
    ("name", "send"),
    [
        ("place", lambda: grasp_client.send_place_goal("table", None, "map")),
        ("release", grasp_client.send_release_goal),
        ("stow", lambda: grasp_client.send_stow_goal("home")),
    ],
)
def test_a_missing_server_of_what_is_held_is_named(short_waits, name, send):
    with pytest.raises(ClientError, match=f"nobody serves /m3/{name}.*m3 up"):
        send()


@pytest.fixture
def grasp_server():
    """An action server /m3/grasp of the default context whose goals never succeed."""

    def follow(goal):
        begun.set()
        deadline = time.monotonic() + 60.0
        while goal.request.text == "forever" and not goal.is_cancel_requested:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        (goal.canceled if goal.is_cancel_requested else goal.abort)()
        ended.set()
        code = GraspErrorCode.NOT_FOUND
        return Grasp.Result(error_code=code, error_msg="nothing here resembles 'green mug'")

    begun, ended = threading.Event(), threading.Event()
    context = rclpy.Context()
    rclpy.init(context=context)
    node = rclpy.create_node("grasp", context=context)
    server = ActionServer(
        node, Grasp, "/m3/grasp", follow, cancel_callback=lambda _: CancelResponse.ACCEPT,
        callback_group=rclpy.callback_groups.ReentrantCallbackGroup(),
    )  # fmt: skip
    stop = rclpy.task.Future()
    executor = PatientExecutor(4, context=context)
    executor.add_node(node)
    thread = threading.Thread(target=executor.spin_until_future_complete, args=(stop,))
    thread.start()
    yield begun, ended
    stop.set_result(None)
    thread.join()
    server.destroy()
    node.destroy_node()
    context.shutdown()


def test_a_failed_grasp_prints_its_error_code_and_reason(grasp_server, capsys):
    assert grasp_client.send_grasp_goal("green mug", dry_run=True) == 1
    assert "NOT_FOUND: nothing here resembles 'green mug'" in capsys.readouterr().out


def test_a_client_that_is_interrupted_cancels_its_goal(grasp_server, thread_errors):
    begun, ended = grasp_server

    def alive():
        if begun.is_set():
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), Client("test", alive) as client:
        client.run(Grasp, "/m3/grasp", Grasp.Goal(text="forever"))
    assert ended.wait(60.0)
    assert not thread_errors


def test_clients_end_without_an_exception_in_their_thread(thread_errors):
    for _ in range(15):
        with Client("test") as client:
            client.node.create_timer(0.001, lambda: None)
            with pytest.raises(ClientError):
                client.call(StopScan, "/nowhere", StopScan.Request(), timeout=0.02)
    assert not thread_errors
