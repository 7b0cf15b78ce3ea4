"""The executor of the nodes hands each callback to its threads once."""

import threading
import time

import pytest
import rclpy

from m3_ros.nodes.executor import PatientExecutor


@pytest.fixture
def node(context):
    node = rclpy.create_node("worker", context=context)
    yield node
    node.destroy_node()


def test_a_callback_that_no_thread_can_begin_is_submitted_once(context, node):
    executor, submitted = PatientExecutor(1, context=context), []
    executor.add_node(node)
    submit, held, ran = executor._executor.submit, threading.Event(), threading.Event()
    executor._executor.submit = lambda task: submitted.append(task) or submit(task)
    busy = submit(held.wait)  # the only thread
    timer = node.create_timer(0.01, lambda: ran.set() or timer.cancel())
    spinning = threading.Thread(target=executor.spin_once)
    spinning.start()
    time.sleep(0.3)  # rclpy's own submits it thousands of times
    assert len(submitted) <= 1 and not ran.is_set()
    held.set()
    assert ran.wait(60.0) and busy.result()
    spinning.join()
    executor.shutdown()


def test_a_shutdown_ends_the_wait_for_a_thread(context, node):
    executor, held = PatientExecutor(1, context=context), threading.Event()
    executor.add_node(node)
    executor._executor.submit(held.wait)
    node.create_timer(0.01, lambda: None)
    spinning = threading.Thread(target=executor.spin_once)
    spinning.start()
    executor._is_shutdown = True
    spinning.join(60.0)
    assert not spinning.is_alive()
    held.set()
    executor.shutdown()


def test_an_exception_of_a_callback_is_raised_where_it_spins(context, node):
    executor = PatientExecutor(2, context=context)
    executor.add_node(node)

    def fail():
        raise ValueError("of the callback")

    node.create_timer(0.01, fail)
    end = time.monotonic() + 60.0
    with pytest.raises(ValueError, match="of the callback"):
        while time.monotonic() < end:
            executor.spin_once(timeout_sec=0.1)
    executor.shutdown()
