"""The moving node's side of the guard, at times and states of processes that the test sets."""

import threading

import pytest

from m3_ros.config import MotionConfig
from m3_ros.msg import GuardStatus
from m3_ros.nodes import guard_client
from m3_ros.nodes.guard_client import GuardClient, GuardError
from m3_ros.nodes.process_state import ProcessState

LIMITS = MotionConfig(heartbeat_timeout=0.5, hang_timeout=1.0, start_timeout=0.2)


class Clock:
    """Time that passes only when somebody sleeps."""

    def __init__(self):
        self.now = 100.0

    def monotonic(self):
        return self.now

    def sleep(self, seconds):
        self.now += seconds


class FakeNode:
    """Both nodes of a client: notes heartbeats, hands the status in."""

    def __init__(self):
        self.heartbeats = []

    def get_fully_qualified_name(self):
        return "/grasp"

    def resolve_topic_name(self, name):
        return f"/{name}"

    def create_publisher(self, *_):
        return self

    def publish(self, heartbeat):
        self.heartbeats.append(heartbeat.moving)

    def get_subscription_count(self):
        return 1

    def create_subscription(self, kind, topic, receive, depth):
        self.receive = receive


class World:
    """A client, its time, and the guard of a state."""

    def __init__(self, monkeypatch, **limits):
        self.clock, self.node, self.state = Clock(), FakeNode(), ProcessState.RUNNING
        monkeypatch.setattr(guard_client, "time", self.clock)
        monkeypatch.setattr(guard_client, "process_state", lambda _: self.state)
        motion = MotionConfig(**{**vars(LIMITS), **limits})
        self.client = GuardClient(self.node, self.node, motion)

    def tell(self, **status):
        self.node.receive(GuardStatus(process="guard", **{"watching": True, **status}))

    def beat(self, seconds, tell=True):
        """Beat every 0.05 s for a while; the guard tells its status each time, or never."""
        for _ in range(round(seconds / 0.05)):
            self.clock.sleep(0.05)
            if tell:
                self.tell()
            self.client.beat()


@pytest.fixture
def world(monkeypatch):
    world = World(monkeypatch)
    world.tell()
    return world


def test_without_a_guard_nothing_may_move(monkeypatch):
    client = World(monkeypatch).client
    with pytest.raises(GuardError, match="no guard on /m3/guard .there is none."), client.motion():
        pytest.fail("the motion began")


def test_a_guard_that_is_not_required_may_be_absent(monkeypatch):
    world = World(monkeypatch, require_guard=False)
    with world.client.motion():
        world.beat(5.0, tell=False)
    assert world.node.heartbeats[-2:] == [True, False]


def test_a_guarded_motion_ends_well(world):
    with world.client.motion():
        world.beat(5.0)
    assert world.node.heartbeats[0] and not world.node.heartbeats[-1]


def test_while_the_guard_stops_the_robot_no_motion_begins(world):
    world.tell(stopping=True, reason="/grasp is suspended")
    with pytest.raises(GuardError, match="is stopping the robot"), world.client.motion():
        pytest.fail("the motion began")


def test_a_motion_that_the_guard_has_stopped_cannot_end_well(world):
    with (
        pytest.raises(GuardError, match="the guard stopped the robot: why"),
        world.client.motion(),
    ):
        world.tell(stops=1, reason="why")


def test_a_silent_guard_ends_the_motion(world):
    with pytest.raises(GuardError, match="last heard 1.0 s ago"), world.client.motion():
        world.beat(5.0, tell=False)
    assert world.clock.now < 100.0 + 1.2


@pytest.mark.parametrize("state", [ProcessState.ENDED, ProcessState.SUSPENDED])
def test_a_guard_whose_process_does_not_run_ends_the_motion_at_once(world, state):
    with pytest.raises(GuardError, match=state.value.split()[-1]), world.client.motion():
        world.beat(1.0)
        world.state = state
        world.beat(0.05)


def test_a_pause_of_this_process_is_no_silence_of_the_guard(world):
    with world.client.motion():
        for _ in range(5):
            world.clock.sleep(0.9)
            world.client.beat()


def test_a_motion_ends_after_a_pause_in_which_the_guard_must_have_stopped_it(world):
    with pytest.raises(GuardError, match="stood still for 1.10 s"), world.client.motion():
        world.clock.sleep(1.1)
        world.tell()
        world.client.beat()


def test_a_guard_on_another_machine_has_stopped_it_sooner(world):
    world.state = ProcessState.UNKNOWN
    with pytest.raises(GuardError, match="stood still for 0.60 s"), world.client.motion():
        world.clock.sleep(0.6)
        world.tell()
        world.client.beat()


def test_a_thread_that_stops_its_motion_stays_alive_for_the_guard(world):
    with pytest.raises(ValueError), world.client.motion():
        try:
            world.tell(stops=1)
            raise ValueError
        except ValueError:
            world.client.keep_alive()
            other = threading.Thread(target=world.client.keep_alive)
            other.start()
            other.join()
            raise
    world.client.keep_alive()
    assert world.node.heartbeats == [True, True, False]
