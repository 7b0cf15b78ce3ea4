"""Reports which input is missing, silent or of an incompatible QoS, on /diagnostics."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from rclpy.qos import QoSCompatibility, QoSProfile, qos_check_compatible

from m3_ros.nodes.diagnostics import ERROR, PERIOD, STALE, Diagnostics, Report, diagnostic_name
from m3_ros.nodes.inputs import InputNode

SILENCE = 2.0 * PERIOD  # s without a message before a topic counts as silent
RECENT = 30  # arrivals that the rate is of, one second of a camera at 30 Hz


@dataclass
class _Topic:
    names: tuple[str, ...]
    qos: QoSProfile
    steady: bool
    also: tuple[str, ...] = ()
    arrivals: deque[float] = field(default_factory=lambda: deque(maxlen=RECENT))

    def age(self, now: float) -> float:
        """Return the seconds since the last message; infinite before the first."""
        return now - self.arrivals[-1] if self.arrivals else float("inf")

    def rate(self, now: float) -> float:
        """Return the messages per second over the last ones; 0 when silent."""
        if len(self.arrivals) < 2 or self.age(now) > SILENCE:
            return 0.0
        return (len(self.arrivals) - 1) / max(self.arrivals[-1] - self.arrivals[0], 1e-9)


class TopicMonitor:
    """Watch a node's inputs for its diagnostics; rates and ages are of the node's time.

    Args:
        node: receives the inputs, and runs the tasks of the diagnostics.
        hardware_id: what the inputs come from.

    Attributes:
        diagnostics: of the owner of `node`, for its other tasks.
    """

    def __init__(self, node: InputNode, hardware_id: str = "") -> None:
        self._node = node
        self._topics: list[_Topic] = []
        self._checks: list[Callable[[], str | None]] = []
        self.diagnostics = Diagnostics(node, diagnostic_name(node.owner), hardware_id)
        self.diagnostics.add("inputs", self._report)

    def topic(
        self,
        names: tuple[str, ...],
        qos: QoSProfile,
        steady: bool = True,
        also: Sequence[str] = (),
    ) -> Callable[[], None]:
        """Watch a topic with its other names; call what is returned at every message.

        Args:
            names: the topic, and names it also goes by.
            qos: the subscription's profile.
            steady: whether it should never fall silent (transient local topics may).
            also: topics that are subscribed to where only they are published.
        """
        names, also = (tuple(map(self._node.resolve_topic_name, some)) for some in (names, also))
        watched = _Topic(names, qos, steady, also)
        self._topics.append(watched)
        self.diagnostics.add(watched.names[0], lambda: self._topic_report(watched))
        return lambda: watched.arrivals.append(self._node.elapsed())

    def check(self, problem: Callable[[], str | None]) -> None:
        """Add a check that returns one sentence when something is wrong."""
        self._checks.append(problem)

    def problems(self) -> list[str]:
        """Return one sentence for each present problem."""
        found = [self._problem(topic) for topic in self._topics]
        # Without messages the further checks could only say the same again.
        found = [text for text in found if text] or [check() for check in self._checks]
        return [text for text in found if text]

    def _problem(self, topic: _Topic) -> str | None:
        found = {
            name: self._node.get_publishers_info_by_topic(name)
            for name in (*topic.names, *topic.also)
        }
        publishers = [info for infos in found.values() for info in infos]
        names = " or ".join([name for name in found if found[name]] or topic.names)
        kinds = {item.topic_name: item.msg_type for item in self._node.subscriptions}
        for name, infos in found.items():
            for info in infos:
                if name in kinds and info.topic_type != (read := type_name(kinds[name])):
                    return (
                        f"{info.node_name} publishes {name} as {info.topic_type}, and {read} is "
                        "read there"
                    )
        for info in publishers:
            compatible, reason = qos_check_compatible(info.qos_profile, topic.qos)
            if compatible == QoSCompatibility.ERROR:
                return f"{info.node_name} publishes {names} with a QoS that fails here: {reason}"
        age = topic.age(self._node.elapsed())
        if not topic.steady or age <= SILENCE:
            return None
        if not publishers:
            return f"nobody publishes {names}"
        who = ", ".join(sorted({info.node_name for info in publishers}))
        if not topic.arrivals:
            return f"{who} publishes {names}, but no message has arrived"
        return f"{names} by {who} is silent for {age:.1f} s"

    def _report(self) -> Report:
        failed = [text for check in self._checks if (text := check())]
        return Report(ERROR, "; ".join(failed)) if failed else Report()

    def _topic_report(self, topic: _Topic) -> Report:
        problem = self._problem(topic)
        now = self._node.elapsed()
        values = {"rate [Hz]": f"{topic.rate(now):.1f}", "age [s]": f"{topic.age(now):.2f}"}
        if not problem:
            return Report(values=values)
        # Silent after messages is stale; what never came, or cannot come, is an error.
        return Report(STALE if topic.arrivals else ERROR, problem, values)


def type_name(kind: type) -> str:
    """Return a message's type as ROS names it, for instance "sensor_msgs/msg/Image"."""
    return f"{kind.__module__.split('.')[0]}/msg/{kind.__name__}"
