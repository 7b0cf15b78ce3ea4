"""Managed nodes: they load in configure, answer while active, and start by themselves or not."""

import re

import pytest
import rclpy
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState, GetState
from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.lifecycle import TransitionCallbackReturn
from std_msgs.msg import String

from m3_ros.codes import ScanErrorCode
from m3_ros.nodes import claims
from m3_ros.nodes.base import ManagedNode, StartError
from m3_ros.nodes.executor import PatientExecutor
from m3_ros.nodes.liveliness import offer_liveliness
from m3_ros.nodes.spinner import Spinner
from m3_ros.srv import StartScan

SUCCESS = TransitionCallbackReturn.SUCCESS

CONFIGURE, CLEANUP, ACTIVATE, DEACTIVATE = 1, 2, 3, 4
SHUTDOWN = Transition.TRANSITION_ACTIVE_SHUTDOWN


class Small(ManagedNode):
    """Writes down its steps; `fault` is raised in configure."""

    def __init__(self, autostart, fault=None, **options):
        arguments = ["--ros-args", "-p", f"autostart:={autostart}".lower()]
        super().__init__("small", "scan", cli_args=arguments, **options)
        self.steps, self.fault = [], fault
        codes = ScanErrorCode.NOT_ACTIVE, ScanErrorCode.FAILED
        self.serve(StartScan, "start", self.answer, codes, ReentrantCallbackGroup())

    def answer(self, request, response):
        if request.folder:
            raise OSError(f"{request.folder} cannot be")
        response.success = True
        return response

    def configure(self):
        self.steps.append("configure")
        if self.fault:
            raise self.fault

    def activate(self):
        self.steps.append("activate")

    def deactivate(self):
        self.steps.append("deactivate" + (" while active" if self.active else ""))

    def cleanup(self):
        self.steps.append("cleanup")


@pytest.fixture
def small(context):
    """Make a spinning managed node."""
    running = []

    def make(*arguments):
        node = Small(*arguments, context=context)
        running.append((node, Spinner(node)))
        return node

    yield make
    for node, spinner in running:
        spinner.stop()
        node.destroy_node()


@pytest.fixture
def call(spin, until):
    """Call a service of the managed node."""
    asker = spin("asker")

    def answer(kind, name, **request):
        client = asker.create_client(kind, name)
        until(client.service_is_ready)
        future = client.call_async(kind.Request(**request))
        until(future.done)
        return future.result()

    return answer


def change(call, number):
    request = ChangeState.Request()
    request.transition.id = number
    return call(ChangeState, "/small/change_state", transition=request.transition).success


def served(node):
    return "/start" in [name for name, _ in node.get_service_names_and_types()]


def state(call):
    return call(GetState, "/small/get_state").current_state.label


def test_a_message_that_its_callback_cannot_take_is_lost_alone(small, spin, until):
    node, taken = small(True), []

    def take(message):
        taken.append(1 / (message.data != "bad"))

    node.create_subscription(String, "talk", take, 10)
    publisher = spin("stranger").create_publisher(String, "talk", 10)
    until(publisher.get_subscription_count)
    for text in ("bad", "bad", "good"):
        publisher.publish(String(data=text))
    until(lambda: taken)
    assert node.active


def test_services_answer_only_while_the_node_is_active(small, call):
    node = small(False)
    assert state(call) == "unconfigured" and change(call, CONFIGURE)
    assert state(call) == "inactive" and not served(node)
    assert change(call, ACTIVATE)
    assert state(call) == "active" and call(StartScan, "start").success
    steps = {
        "inactive": "node /small is inactive: run `ros2 lifecycle set /small activate`",
        "unconfigured": "run `ros2 lifecycle set /small configure` and `ros2 lifecycle set /small "
        "activate`",
        "finalized": "node /small is finalized: end its process and start it again",
    }
    for step, after in ((DEACTIVATE, "inactive"), (CLEANUP, "unconfigured")):
        assert change(call, step) and state(call) == after
        refused = call(StartScan, "start")
        assert not refused.success and refused.error_code == ScanErrorCode.NOT_ACTIVE
        assert refused.error_msg.endswith(steps[after])
    assert node.steps == ["configure", "activate", "deactivate", "cleanup"]
    assert change(call, CONFIGURE) and change(call, ACTIVATE)
    assert call(StartScan, "start").success
    assert change(call, SHUTDOWN) and state(call) == "finalized"
    assert call(StartScan, "start").error_msg == steps["finalized"]


def test_a_transition_that_the_state_has_not_is_refused_and_the_node_lives_on(small, call):
    node = small(False)
    for asked in (ACTIVATE, DEACTIVATE, CLEANUP, SHUTDOWN, 0, 99):
        assert not change(call, asked) and state(call) == "unconfigured"
    assert change(call, CONFIGURE) and not change(call, CONFIGURE)
    assert change(call, ACTIVATE) and not change(call, ACTIVATE)
    assert node.steps == ["configure", "activate"] and call(StartScan, "start").success
    assert change(call, SHUTDOWN) and not change(call, SHUTDOWN)


def test_by_default_a_node_starts_by_itself(small, call, until):
    node = small(True)
    until(lambda: node.active)
    assert state(call) == "active" and node.steps == ["configure", "activate"]
    failed = call(StartScan, "start", folder="/x")  # an answer that raises ends no node
    assert (failed.error_code, failed.error_msg) == (ScanErrorCode.FAILED, "/x cannot be")
    assert call(StartScan, "start").success


def test_what_fails_in_configure_is_told_and_the_node_can_be_configured_again(small, call):
    node = small(False, OSError("no weights here"))
    assert not change(call, CONFIGURE) and state(call) == "unconfigured"
    node.fault = None
    assert change(call, CONFIGURE) and state(call) == "inactive"


def test_a_node_that_starts_by_itself_and_cannot_ends_with_the_reason(context):
    node = Small(True, OSError("no weights here"), context=context)
    executor = PatientExecutor(2, context=context)
    executor.add_node(node)
    with pytest.raises(StartError, match="node /small cannot be configured: no weights here"):
        for _ in range(100):
            executor.spin_once(timeout_sec=0.1)
    node.destroy_node()


def test_a_managed_node_can_be_in_a_namespace(context):
    node = Small(False, context=context, namespace="robot1")
    assert node.path == "/robot1/small"
    assert node.trigger_configure() == node.trigger_activate() == SUCCESS
    assert "/robot1/start" in [name for name, _ in node.get_service_names_and_types()]
    node.destroy_node()
    assert rclpy.ok(context=context)


def test_a_second_server_of_a_name_is_not_activated_until_the_first_has_ended(
    context, monkeypatch
):
    monkeypatch.setattr(claims, "LEAVE_TIME", 0.2)
    first, second, elsewhere = (
        Small(False, context=context, namespace=name) for name in ("", "", "robot2")
    )
    for node in (first, second, elsewhere):
        assert node.trigger_configure() == SUCCESS
    assert first.trigger_activate() == elsewhere.trigger_activate() == SUCCESS
    assert second.trigger_activate() != SUCCESS and not second.active
    words = r"/small cannot be activated: /start is served by .* already; end that one, or use "
    assert re.search(words, second._problem)
    first.destroy_node()
    assert second.trigger_activate() == SUCCESS
    for node in (second, elsewhere):
        node.destroy_node()


def test_a_server_of_another_machine_is_seen_and_named(context, until, monkeypatch):
    monkeypatch.setattr(claims, "LEAVE_TIME", 0.2)
    other = rclpy.create_node("grasp2", context=context, namespace="far")
    offer_liveliness(other, "/start")
    node = Small(False, context=context)
    until(node.claims.problem)
    assert node.trigger_configure() == SUCCESS and node.trigger_activate() != SUCCESS
    assert "/start is served by node /far/grasp2 already" in node._problem
    other.destroy_node()
    until(lambda: not node.claims.problem())
    assert node.trigger_activate() == SUCCESS and not node.claims.problem()
    node.destroy_node()


def test_a_node_that_is_activated_again_has_its_own_names(context):
    node = Small(False, context=context)
    assert node.trigger_configure() == node.trigger_activate() == SUCCESS
    assert node.trigger_deactivate() == node.trigger_activate() == SUCCESS
    node.destroy_node()


def test_a_node_that_begins_to_serve_is_never_its_own_namesake(small, monkeypatch):
    seen = []

    def offered(node, name):
        offer_liveliness(node, name)
        while not node.get_publishers_info_by_topic(claims.alive_topic(name)):
            pass  # until it is seen
        seen.append(node.claims.problem())

    monkeypatch.setattr(claims, "offer_liveliness", offered)
    node = small(False)
    assert node.trigger_configure() == node.trigger_activate() == SUCCESS
    assert seen == [""]
