"""The stacks: which nodes belong together, and how to run them as processes without ros2 launch.

`launch/*.launch.py` and `m3 up` start the nodes of this one table.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import yaml
from ament_index_python.packages import get_package_prefix

from m3_ros import signals
from m3_ros.config import M3Config, load_config
from m3_ros.errors import M3Error, show
from m3_ros.settings import ConfigError, from_dict, to_dict
from m3_ros.strict_yaml import parse_yaml

STACKS: dict[str, tuple[str, ...]] = {
    "scan": ("capture",),
    "memory": ("memory",),
    "query": ("query",),
    "grasp": ("query", "guard", "grasp"),
    "m3": ("capture", "memory", "query", "guard", "grasp"),
    "simulation": ("simulation",),
    "viewer": ("viewer",),
}
POLL = 0.1  # s between two checks whether the nodes live
SHUTDOWN_STEPS = ((signal.SIGINT, 8.0), (signal.SIGTERM, 3.0), (signal.SIGKILL, 3.0))
"""Signals that end a node, and the time (s) until the next one. The longest end after SIGINT is a
grasp node's: `GOAL_END`, two `ACK_TIMEOUT` and a running cancel's, 5 s in all."""
STOP_TIME = sum(patience for _, patience in SHUTDOWN_STEPS) + 2.0
"""Time (s) that a stack may take to stop; a node takes 1 s where it does not hang."""
TF_REMAPPINGS = (("/tf", "tf"), ("/tf_static", "tf_static"))
"""Of the nodes of a robot in a namespace, as Nav2 does it."""


class NodeDied(M3Error, RuntimeError):
    """A node of the stack ended by itself; the message names it and its last line of output."""


class Stack:
    """Nodes running as processes; as a context manager it ends them, whatever happens.

    Args:
        nodes: names of nodes in `STACKS`.
        config: their settings; each node takes the groups it knows.
        log_folder: where `NAME.log` files go; None prints every line with the node's name.
        arguments: of every node, as after `--ros-args`.
    """

    def __init__(
        self,
        nodes: Sequence[str],
        config: M3Config,
        log_folder: Path | None = None,
        arguments: Sequence[str] = (),
    ) -> None:
        self._nodes, self._config, self._log_folder = tuple(nodes), config, log_folder
        self._arguments = tuple(arguments)
        self._processes: dict[str, subprocess.Popen[str]] = {}
        self._last_lines: dict[str, str] = {}
        self._readers: list[threading.Thread] = []
        self._folder = tempfile.TemporaryDirectory(prefix="m3_")

    def __enter__(self) -> Stack:
        signals.allow(STOP_TIME)
        parameters = Path(self._folder.name) / "parameters.yaml"
        save_parameters(self._config, parameters)
        starters = Path(get_package_prefix("m3_ros")) / "lib" / "m3_ros"
        try:
            for name in self._nodes:
                self._start(name, starters / name, parameters)
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def check(self) -> None:
        """Do nothing while all nodes live.

        Raises:
            NodeDied: a node has ended.
        """
        for name, process in self._processes.items():
            status = process.poll()
            if status is not None:
                last = self._last_lines.get(name, "")
                where = f"; see {self._log_folder / name}.log" if self._log_folder else ""
                raise NodeDied(f"node {name} ended with status {status}: {last}{where}")

    def process_id(self, name: str) -> int:
        """Return the process id of one node."""
        return self._processes[name].pid

    def send_signal(self, name: str, number: int) -> None:
        """Send a signal to one node."""
        self._processes[name].send_signal(number)

    def stop(self) -> None:
        """End all nodes by `SHUTDOWN_STEPS`; returns when none is left."""
        with signals.ending():
            self._stop()

    def _stop(self) -> None:
        for number, patience in SHUTDOWN_STEPS:
            living = [process for process in self._processes.values() if process.poll() is None]
            for process in living:
                process.send_signal(number)
            deadline = time.monotonic() + patience
            while any(p.poll() is None for p in living) and time.monotonic() < deadline:
                time.sleep(POLL)
        for reader in self._readers:
            reader.join(timeout=1.0)
        self._folder.cleanup()

    def _start(self, name: str, starter: Path, parameters: Path) -> None:
        arguments = ["--ros-args", "--params-file", str(parameters), "-r", f"__node:={name}"]
        arguments += self._arguments
        process = subprocess.Popen(
            [sys.executable, str(starter), *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
            start_new_session=True,  # Ctrl-C reaches us alone; we forward it
            preexec_fn=partial(signals.end_with_parent, os.getpid()),
        )
        self._processes[name] = process
        reader = threading.Thread(target=self._relay, args=(name, process), daemon=True)
        self._readers.append(reader)
        reader.start()

    def _relay(self, name: str, process: subprocess.Popen[str]) -> None:
        """Pass a node's output on, line by line, until it ends."""
        if self._log_folder is None:
            self._copy(name, process, lambda line: print(f"[{name}] {line}", end="", flush=True))
            return
        with (self._log_folder / f"{name}.log").open("w", buffering=1) as log:
            self._copy(name, process, log.write)

    def _copy(
        self, name: str, process: subprocess.Popen[str], write: Callable[[str], object]
    ) -> None:
        for line in process.stdout:
            self._last_lines[name] = line.strip() or self._last_lines.get(name, "")
            write(line)


def save_parameters(config: M3Config, path: Path) -> None:
    """Write `config` as a ROS parameter file for any node."""
    path.write_text(yaml.safe_dump({"/**": {"ros__parameters": to_dict(config)}}))


def override(config: M3Config, settings: Sequence[str]) -> M3Config:
    """Return settings with single values replaced, each given as `group.name=value`.

    Raises:
        ConfigError: not of that form, an unknown name, or a value that breaks its rule.
    """
    values = to_dict(config)
    for setting in settings:
        name, equals, value = setting.partition("=")
        group, dot, key = name.partition(".")
        if not equals or not dot or group not in values:
            raise ConfigError(
                f"setting {show(setting)}: it must be group.name=value, group one of "
                f"{', '.join(values)}"
            )
        try:
            values[group][key] = parse_yaml(value)
        except ValueError as error:
            raise ConfigError(f"setting {show(setting)}: {error}") from error
    return from_dict(M3Config, values)


def ros_arguments(
    namespace: str = "", use_sim_time: bool = False, autostart: bool = True, log_level: str = ""
) -> list[str]:
    """Return ROS arguments of the nodes of one robot, each as after `--ros-args`.

    In a namespace TF is that robot's own, /NAMESPACE/tf and /NAMESPACE/tf_static: the frames of
    two robots have the same names.
    """
    arguments = ["-p", f"use_sim_time:={use_sim_time}".lower()]
    arguments += ["-p", f"autostart:={autostart}".lower()]
    if log_level:
        arguments += ["--log-level", log_level]
    if namespace:
        arguments += ["-r", f"__ns:=/{namespace.strip('/')}"]
        arguments += [part for pair in TF_REMAPPINGS for part in ("-r", ":=".join(pair))]
    return arguments


def run_stack(
    stack: str,
    config: Path | None = None,
    settings: Sequence[str] = (),
    arguments: Sequence[str] = (),
) -> int:
    """Run a stack in the foreground until Ctrl-C; the nodes' lines carry their names.

    Raises:
        ConfigError: the stack or a setting is unknown or breaks its rule.
        NodeDied: a node ended; the others have been ended.
    """
    if stack not in STACKS:
        raise ConfigError(f"stack {stack!r} is unknown; known: {', '.join(STACKS)}")
    chosen = override(load_config(config) if config else M3Config(), settings)
    with Stack(STACKS[stack], chosen, arguments=arguments) as running:
        try:
            while True:
                running.check()
                time.sleep(POLL)
        except KeyboardInterrupt:
            print("m3: stopping", file=sys.stderr)
    return 0
