"""The page of a running robot: what it is given is drawn, what is pressed becomes an order."""

import numpy as np
import pytest

from m3_ros.resources import resource
from m3_ros.view.page.live_page import COARSE, LivePage
from m3_ros.view.page.robot_shapes import DescriptionError, shapes
from m3_ros.view.page.server import open_server


class Orders:
    """Write down what is ordered."""

    def __init__(self):
        self.given = []

    def __getattr__(self, name):
        return lambda *args: self.given.append((name, *args))

    def steering(self):
        return {"Open the jaws": self.release}


@pytest.fixture(params=[True])
def page(request, free_port):
    server = open_server("127.0.0.1", free_port, "robot")
    page = LivePage(server, Orders(), request.param)
    yield page
    server.stop()


def labels(page):
    return {
        handle._impl.props.label
        for handle in handles(page)
        if hasattr(handle._impl.props, "label")
    }


def handles(page):
    return page._server.gui._gui_input_handle_from_uuid.values()


def test_a_grasp_is_ordered_once_and_only_after_its_plan(page):
    orders = page._orders
    page._text.value = "red box"
    page._grasp()
    assert orders.given == []
    page._plan()
    page._text.value = "blue box"
    assert page._confirm.disabled
    page.planned("green box")
    assert page._confirm.disabled
    page.planned("red box")
    assert not page._confirm.disabled
    page._grasp()
    page._grasp()
    assert orders.given == [("plan", "red box"), ("grasp", "red box")]


@pytest.mark.parametrize("page", [False], indirect=True)
def test_a_page_without_control_can_ask_and_cancel_and_nothing_else(page):
    assert {"Cancel", "Find"} <= labels(page)
    assert not {"Plan a grasp", "Confirm the grasp", "Open the jaws"} & labels(page)


def test_phases_are_told_until_they_end(page):
    page.phase("grasp", "lift 80%")
    page.phase("scan_motion", "3 of 60 views")
    assert "grasp: lift 80%; scan_motion: 3 of 60 views" in page._phase.content
    page.phase("grasp", None)
    page.phase("scan_motion", None)
    assert "nothing runs" in page._phase.content


def test_lamps_name_what_is_wrong_and_escape_it(page):
    page.lamps({"query: memory": (1, "<b>none</b>"), "query: clock": (0, ""), "guard: a": (0, "")})
    assert "query: memory: &lt;b&gt;none" in page._lamps.content
    assert "clock" not in page._lamps.content
    assert page._lamps.content.index("query") < page._lamps.content.index("guard")


def test_the_robot_is_drawn_where_its_links_are(page):
    page.robot(shapes(resource("urdf/b1_z1.urdf").read_text()))
    pose = np.eye(4)
    pose[:3, 3] = 1, 2, 3
    page.pose("base_link", pose)
    frame = page._links["base_link"][0]
    assert frame.visible and tuple(frame.position) == (1, 2, 3)
    assert len(page.links) > 5


def test_an_answer_replaces_the_one_before(page):
    pose, size = np.eye(4), np.full(3, 0.1)
    page.boxes([(pose, size, "red box 0.9"), (pose, size, "blue box 0.5")])
    page.boxes([(pose, size, "green box 0.7")])
    sent = page._server.scene._handle_from_node_name
    assert sent["/answer/0/label"].text == "green box 0.7" and "/answer/1" not in sent


def test_a_motion_ahead_replaces_the_one_before_and_goes_when_it_ends(page):
    pairs, red = np.zeros((3, 2, 3)), (255, 0, 0)
    page.motion([(pairs, red), (pairs, red)], [("0.93", np.ones(3))])
    sent = page._server.scene._handle_from_node_name
    assert sent["/motion/text0"].text == "0.93" and "/motion/line1" in sent
    page.motion([(pairs, red)], [])
    assert "/motion/line0" in sent and not {"/motion/line1", "/motion/text0"} & set(sent)
    page.motion([], [])
    assert not any(name.startswith("/motion/") for name in sent)


def test_a_large_memory_is_sent_in_part_first(page):
    points = np.random.default_rng(0).random((COARSE + 10, 3)).astype(np.float32)
    page.memory(points, np.zeros(points.shape, np.uint8))
    sent = page._server.scene._handle_from_node_name
    assert len(sent["/memory/coarse"].points) == COARSE and len(sent["/memory/fine"].points) == 10


BOX = "<robot><link name='a'><visual><geometry><box size='{}'/></geometry></visual></link></robot>"


@pytest.mark.parametrize(
    "text",
    ["", "<robot>", "<robot><link name='a'><visual/></link></robot>", BOX.format("nan 1 1")],
)
def test_a_description_that_is_no_urdf_is_refused(text):
    with pytest.raises(DescriptionError, match="robot_description"):
        shapes(text)


def test_materials_may_be_missing():
    assert shapes(BOX.format("1 2 3"))[0].size == (1, 2, 3)
