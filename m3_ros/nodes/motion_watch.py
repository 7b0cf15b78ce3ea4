"""When a node that moves the robot counts as dead, suspended or hung."""

from __future__ import annotations

from m3_ros.motion_settings import MotionConfig
from m3_ros.nodes.process_state import ProcessState, process_state

POLL = 0.05  # s between two checks, the period of the heartbeats


class MotionWatch:
    """Watch one node from its heartbeats and the state of its process.

    Silence is counted in checks, so a pause of the process that checks is none of the node.

    Args:
        node: its name.
        limits: `heartbeat_timeout`, `hang_timeout`.

    Attributes:
        moving: whether a motion of the node is under way.
    """

    def __init__(self, node: str, limits: MotionConfig) -> None:
        self._node, self._limits = node, limits
        self._process = ""
        self._checks = 0
        self.moving = False

    def beat(self, process: str, moving: bool) -> None:
        """Take a heartbeat: of which process, and whether the motion goes on."""
        self._process, self.moving, self._checks = process, moving, 0

    def check(self) -> str | None:
        """Return in one sentence why the robot must be stopped; call it every `POLL` s."""
        if not self.moving:
            return None
        self._checks += 1
        state, silence = process_state(self._process), POLL * self._checks
        # The process's last word may still wait for the guard, which checks before it listens.
        if state in (ProcessState.ENDED, ProcessState.SUSPENDED) and self._checks > 1:
            return f"{self._node} moved the robot, and its process {state.value}"
        runs = state is ProcessState.RUNNING
        if silence <= (self._limits.hang_timeout if runs else self._limits.heartbeat_timeout):
            return None
        return (
            f"{self._node} moved the robot and sent no heartbeat for {silence:.2f} s; its process "
            f"{state.value}"
        )
