"""What a node says about itself on /diagnostics, by the conventions of diagnostic_updater.

One array a second with a status a task, named "NODE: TASK". diagnostic_updater has no wheel.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from rclpy.clock import Clock, ClockType
from rclpy.node import Node

from m3_ros.nodes.elapsed_time import ElapsedTime

PERIOD = 1.0  # s between two reports, diagnostic_updater's default
OK, WARN, ERROR, STALE = (
    DiagnosticStatus.OK,
    DiagnosticStatus.WARN,
    DiagnosticStatus.ERROR,
    DiagnosticStatus.STALE,
)


@dataclass(frozen=True)
class Report:
    """What a task says: its level, one sentence, and values by their names with units."""

    level: bytes = OK
    message: str = "ok"
    values: Mapping[str, object] = field(default_factory=dict)


class Diagnostics:
    """Publish the reports of a node's tasks every second of wall time.

    Args:
        node: carries publisher and timer; its thread runs the tasks.
        name: of the node that reports; in a namespace the full name, as two robots share the
            topic.
        hardware_id: what the node works with, for instance the robot's model.
    """

    def __init__(self, node: Node, name: str, hardware_id: str) -> None:
        self._node, self._name, self._hardware_id = node, name, hardware_id
        self._elapsed = ElapsedTime(node.get_clock())
        self._tasks: dict[str, Callable[[], Report]] = {"clock": self._clock}
        self._publisher = node.create_publisher(DiagnosticArray, "/diagnostics", 10)
        # A simulated clock that stands still is what must be told.
        wall = Clock(clock_type=ClockType.STEADY_TIME)
        self._timer = node.create_timer(PERIOD, self.publish, clock=wall)

    def add(self, task: str, report: Callable[[], Report]) -> None:
        """Add a task, or replace the one of that name."""
        self._tasks[task] = report

    def publish(self) -> None:
        """Ask all tasks and publish what they say."""
        now = self._node.get_clock().now().to_msg()
        statuses = [self._status(task, report()) for task, report in list(self._tasks.items())]
        message = DiagnosticArray(status=statuses)
        message.header.stamp = now
        self._publisher.publish(message)

    def _status(self, task: str, report: Report) -> DiagnosticStatus:
        return DiagnosticStatus(
            level=report.level,
            name=f"{self._name}: {task}",
            message=report.message,
            hardware_id=self._hardware_id,
            values=[KeyValue(key=key, value=str(value)) for key, value in report.values.items()],
        )

    def _clock(self) -> Report:
        clock = self._node.get_clock()
        seconds = clock.now().nanoseconds * 1e-9
        if not clock.ros_time_is_active:
            return Report(values={"source": "system", "time [s]": f"{seconds:.3f}"})
        values = {"source": "/clock", "time [s]": f"{seconds:.3f}"}
        if seconds == 0.0:
            return Report(ERROR, "use_sim_time is set, but no message on /clock has come", values)
        if self._elapsed.stands():
            return Report(WARN, "/clock stands still", values)
        return Report(values=values)


def diagnostic_name(node: Node) -> str:
    """Return the name under which a node reports: its own, with its namespace where it has one."""
    return node.get_fully_qualified_name() if node.get_namespace() != "/" else node.get_name()
