"""A node that ends answers its clients first."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

from rclpy.callback_groups import ReentrantCallbackGroup

from m3_ros.action import Stow
from m3_ros.codes import MoveErrorCode, QueryErrorCode
from m3_ros.errors import Kind
from m3_ros.nodes import runtime
from m3_ros.nodes.action_client import ThreadSafeActionClient
from m3_ros.nodes.base import ManagedNode
from m3_ros.nodes.exclusive_actions import ExclusiveActions
from m3_ros.nodes.executor import PatientExecutor
from m3_ros.nodes.runtime import release_memory
from m3_ros.srv import Query

WAIT = 60.0  # s


class Worker(ManagedNode):
    """Has one action and one service, which work until the node ends."""

    def __init__(self, **options):
        super().__init__("worker", **options)
        self.begun = set()
        self.actions = ExclusiveActions(self)
        self.actions.serve(Stow, "m3/stow", self.stow)
        self.serve(Query, "m3/query", self.answer, (0, 0), ReentrantCallbackGroup())

    def stow(self, goal):
        self.work("goal")
        return Stow.Result(error_code=MoveErrorCode.CANCELLED)

    def answer(self, _, response):
        self.work("query")
        response.error_code = QueryErrorCode.FAILED
        return response

    def work(self, name):
        self.begun.add(name)
        while self.active:
            time.sleep(0.01)

    def end(self):
        super().end()
        self.actions.close(WAIT)


STUCK = """
import time
from m3_ros.nodes.base import ManagedNode
from m3_ros.nodes.runtime import run_node
class Stuck(ManagedNode):
    def destroy_node(self):
        time.sleep(600)
run_node(lambda: Stuck("stuck"))
"""


def test_a_node_whose_work_has_ended_does_not_wait_for_the_middleware():
    node = subprocess.Popen([sys.executable, "-c", STUCK], stderr=subprocess.PIPE, text=True)
    while "ready" not in node.stderr.readline():
        assert node.poll() is None
    node.send_signal(signal.SIGINT)
    assert node.wait(60.0) == 0


def test_a_parameter_file_that_cannot_be_read_is_told_as_a_setting(monkeypatch, capsys, tmp_path):
    file = tmp_path / "missing.yaml"
    monkeypatch.setattr(sys, "argv", ["node", "--ros-args", "--params-file", str(file)])
    statuses = []
    monkeypatch.setattr("os._exit", statuses.append)
    runtime.run_node(lambda: None)
    told = capsys.readouterr().err.splitlines()[-1]
    assert statuses == [Kind.SETTINGS]
    assert str(file) in told and "fault" not in told


def test_goals_and_requests_are_answered_before_a_node_ends(context, spin, until):
    node, executor = Worker(context=context), PatientExecutor(4, context=context)
    executor.add_node(node)
    client = spin("client")
    stow = ThreadSafeActionClient(client, Stow, "/m3/stow")
    query = client.create_client(Query, "/m3/query")
    while not (stow.server_is_ready() and query.service_is_ready()):
        executor.spin_once(timeout_sec=0.05)
    answers = {"query": query.call_async(Query.Request())}
    accepted = stow.send_goal_async(Stow.Goal())
    accepted.add_done_callback(lambda done: answers.update(goal=done.result().get_result_async()))
    while node.begun != {"goal", "query"} or "goal" not in answers:
        executor.spin_once(timeout_sec=0.05)
    runtime._end(node, executor)
    ended = threading.Thread(target=node.destroy_node)
    ended.start()
    until(lambda: all(answer.done() for answer in answers.values()), WAIT)
    assert answers["goal"].result().result.error_code == MoveErrorCode.CANCELLED
    assert answers["query"].result().error_code == QueryErrorCode.FAILED
    ended.join()
    stow.destroy()


def test_freed_memory_is_given_back_to_the_system():
    def resident():
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    blocks = [bytes(10_000) for _ in range(5_000)]
    del blocks[:-1]  # which keeps the place of the others
    kept = resident()
    release_memory()
    assert kept - resident() > 30e6
