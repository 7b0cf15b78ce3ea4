"""The inputs' thread ends before what it uses is destroyed."""

import threading
import time

from std_msgs.msg import String

from m3_ros.nodes.inputs import InputNode

CALLBACK_TIME = 2.5  # s, as a report may take on a busy machine


def test_a_node_is_destroyed_after_the_callback_that_runs(spin, thread_errors):
    inputs = InputNode(spin("owner"))
    publisher = inputs.create_publisher(String, "report", 1)
    begun, done = threading.Event(), threading.Event()

    def report():
        begun.set()
        time.sleep(CALLBACK_TIME)
        publisher.publish(String(data="all is well"))
        done.set()

    inputs.create_timer(0.01, report)
    assert begun.wait(10.0)
    inputs.destroy_node()
    assert done.is_set() and not thread_errors
