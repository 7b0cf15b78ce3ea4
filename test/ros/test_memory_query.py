"""Memory and query nodes between real processes: a toy scan becomes a memory that answers."""

import re
import socket
import threading
from dataclasses import replace

import numpy as np
import pytest
from diagnostic_msgs.msg import DiagnosticArray

from m3_ros.action import BuildMemory
from m3_ros.capture.scan_writer import ScanWriter
from m3_ros.codes import BuildErrorCode, LoadErrorCode, QueryErrorCode, QueryStatus
from m3_ros.config import M3Config, ViewerConfig
from m3_ros.features.loading import load_language_extractor
from m3_ros.memory.spatial_memory import SpatialMemory
from m3_ros.msg import MemoryStatus
from m3_ros.nodes.client import Client, ClientError
from m3_ros.nodes.images import to_points
from m3_ros.nodes.qos import LATCHED, SERVICE
from m3_ros.nodes.spinner import Spinner
from m3_ros.nodes.stack import Stack, override
from m3_ros.nodes.viewer import create
from m3_ros.query.answer import Localizer
from m3_ros.srv import Describe, LoadMemory, Query

QUICK = ["splat.max_iterations=20", "memory.refine_steps=2"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("stack")


@pytest.fixture(scope="module")
def client(folder):
    """Both nodes as processes, and a client."""
    settings = [f"storage.scans={folder}/scans", f"storage.memory={folder}/memory", *QUICK]
    config = override(M3Config(), settings)
    with Stack(["memory", "query"], config) as stack, Client("test", stack.check) as client:
        yield client


@pytest.fixture(scope="module")
def scan(folder, toy):
    with ScanWriter(folder / "scans/20260101-000000") as writer:
        for frame in toy.frames:
            writer.add(frame)
    return writer.folder


def build(client, feedback=lambda _: None, **goal):
    return client.run(BuildMemory, "/m3/build_memory", BuildMemory.Goal(**goal), feedback)


def accepts_goals(client):
    try:
        return build(client, scan="/nowhere").error_code == BuildErrorCode.INVALID_SCAN
    except ClientError:
        return False


def ask(client, text, **flags):
    return client.call(Query, "/m3/query", Query.Request(text=text, **flags), timeout=60.0)


def test_without_a_memory_a_query_says_where_it_looked(client, folder):
    answer = ask(client, "red box")
    assert (answer.status.value, answer.error_code) == (
        QueryStatus.UNKNOWN,
        QueryErrorCode.NO_MEMORY,
    )
    assert f"{folder}/memory" in answer.error_msg
    described = client.call(Describe, "/m3/describe", Describe.Request(), timeout=60.0)
    assert described.error_code == QueryErrorCode.NO_MEMORY and described.error_msg


def test_a_missing_scan_is_named(client):
    for goal in ({"scan": "/nowhere"}, {}):
        result = build(client, **goal)
        assert not result.success and result.error_code == BuildErrorCode.INVALID_SCAN
    assert "/m3/scan/start" in result.error_msg  # there is no newest scan yet


def test_a_cancelled_build_writes_nothing(client, scan, folder, eventually):
    begun = threading.Event()

    def interrupt():
        if begun.is_set():
            raise KeyboardInterrupt

    client._alive, alive = interrupt, client._alive
    try:
        with pytest.raises(KeyboardInterrupt):
            build(client, lambda _: begun.set(), scan=str(scan))
    finally:
        client._alive = alive
    assert not (folder / "memory").exists()
    eventually(lambda: accepts_goals(client), "the end of the cancelled build")


def test_the_newest_scan_becomes_a_memory_with_progress(client, scan, folder):
    stages = []
    result = build(client, lambda feedback: stages.append((feedback.stage, feedback.progress)))
    assert result.success, result.error_msg
    assert result.memory == f"{folder}/memory" and result.frames == 10
    assert result.gaussians > 100 and result.components > 0 and result.duration > 0.0
    assert result.size_bytes == sum(
        path.stat().st_size for path in (folder / "memory").rglob("*.*")
    )
    assert {"features", "fit"} <= {stage for stage, _ in stages}
    assert all(0.0 <= share <= 1.0 for _, share in stages)


def test_the_new_memory_is_published_and_loaded_at_once(client, folder, eventually):
    states = {"memory_status": [], "loaded_memory": []}
    for topic, received in states.items():
        client.node.create_subscription(MemoryStatus, f"/m3/{topic}", received.append, LATCHED)
    eventually(lambda: all(states.values()), "the state of the memory on both topics")
    built, loaded = states["memory_status"][-1], states["loaded_memory"][-1]
    assert built == loaded
    assert loaded.folder == f"{folder}/memory" and loaded.frames == 10
    assert loaded.gaussians > 100 and list(loaded.models) == ["compact"]


@pytest.fixture(scope="module")
def expected(folder):
    """The library's own result for "red box" without a camera, from the memory on disk."""
    memory = SpatialMemory.load(folder / "memory")
    return Localizer(memory, load_language_extractor("compact")).locate("red box", None)


def test_the_query_node_answers_as_the_library_without_a_camera(client, expected):
    answer = ask(client, "red box", with_points=True)
    assert answer.error_code == QueryErrorCode.NONE
    assert answer.status.value == expected.status
    assert "camera" in answer.error_msg and not answer.heatmap.data
    assert answer.header.frame_id == "map" and answer.header.stamp.sec == 0
    assert len(answer.memory_revision) == 64 and 0.0 < answer.memory_age < 600.0
    assert len(answer.targets) == len(expected.targets)
    for target, object in zip(answer.targets, expected.targets, strict=True):
        assert target.score == pytest.approx(object.score, abs=1e-4)
        assert np.allclose(to_points(target.points), object.points, atol=1e-5)
        assert target.points.header.frame_id == "map"


def test_what_viewers_show_of_the_memory_is_published_with_that_type(
    client, displayed, eventually
):
    shown = {topic for topic in displayed if topic.startswith("/m3/")} - {"/m3/motion_markers"}
    assert len(shown) == 5  # that one is the grasp node's

    def types(topic):
        return {info.topic_type for info in client.node.get_publishers_info_by_topic(topic)}

    for topic in shown:
        eventually(lambda topic=topic: types(topic), topic)
        assert types(topic) == {displayed[topic]}, topic


@pytest.fixture(scope="module")
def viewer(client):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    node = create(ViewerConfig(port=port), "")
    spinner = Spinner(node)
    yield node
    spinner.stop()
    node.destroy_node()


def test_the_page_of_the_viewer_shows_the_memory_and_answers(viewer, expected, eventually):
    page, drawn = viewer._page, viewer._server.scene._handle_from_node_name
    eventually(lambda: "/memory/coarse" in drawn, "the memory on the page")
    page._text.value = "red box"
    eventually(viewer._orders._clients["m3/query"].service_is_ready, "the query service")
    page._ask()
    status = f">{QueryStatus(expected.status).name}:"
    eventually(lambda: status in page.answer.content, "the answer on the page")
    assert sum(bool(re.fullmatch(r"/answer/\d+", name)) for name in drawn) == len(expected.targets)
    eventually(lambda: "query" in page._lamps.content, "the diagnostics")


def test_cancel_on_the_page_ends_a_build(viewer, client):
    result = build(client, lambda feedback: viewer._orders.cancel())
    assert result.error_code == BuildErrorCode.CANCELLED


def test_the_memory_is_described_and_questions_are_answered_or_refused(client):
    def described(text):
        return client.call(Describe, "/m3/describe", Describe.Request(text=text), timeout=60.0)

    everything = described("")
    assert everything.error_code == QueryErrorCode.NONE and not everything.error_msg
    assert len(everything.sentences) == len(everything.targets) > 0
    assert everything.header.frame_id == "map" and len(everything.memory_revision) == 64
    counted = described("how many objects are there?")
    assert counted.sentences[0] == f"objects: {len(everything.targets)}"
    refused = described("where is the box?")
    assert refused.error_code == QueryErrorCode.INVALID_QUERY and not refused.sentences
    assert "no question" in refused.error_msg


def test_an_answer_is_short_unless_more_is_asked_for(client):
    assert len(str(ask(client, "red box"))) < 3000


def test_a_memory_that_another_program_wrote_answers_the_next_query(client, folder, eventually):
    before = ask(client, "red box").memory_revision
    memory = SpatialMemory.load(folder / "memory")
    replace(memory, psnr_db=1.0).save(folder / "memory")
    assert ask(client, "red box").memory_revision != before


def test_another_folder_is_loaded_on_request_and_a_bad_one_changes_nothing(client, folder):
    def load(name):
        request = LoadMemory.Request(folder=name)
        return client.call(LoadMemory, "/m3/load_memory", request, timeout=60.0)

    SpatialMemory.load(folder / "memory").save(folder / "other")
    loaded = load(str(folder / "other"))
    assert loaded.success and loaded.error_code == LoadErrorCode.NONE
    assert loaded.memory.folder == str(folder / "other")
    missing = load("/nowhere")
    assert not missing.success and missing.error_code == LoadErrorCode.NO_MEMORY
    assert "/nowhere" in missing.error_msg
    (folder / "broken").mkdir()
    (folder / "broken/manifest.json").write_text("[]")
    assert load(str(folder / "broken")).error_code == LoadErrorCode.INVALID_MEMORY
    assert ask(client, "red box").memory_revision == loaded.memory.revision
    assert load("").memory.folder == str(folder / "memory")


@pytest.mark.parametrize("text", ["", "   ", "x" * 1000], ids=["empty", "blank", "long"])
def test_a_question_that_cannot_be_asked_is_refused(client, text):
    answer = ask(client, text)
    assert (answer.status.value, answer.error_code) == (
        QueryStatus.UNKNOWN,
        QueryErrorCode.INVALID_QUERY,
    )
    assert "query" in answer.error_msg


def start_camera(start, client, *options):
    start("fake_camera.py", *options)
    client.wait_until(lambda: client.node.count_publishers("/tf_static") > 0, 60.0, "no camera")


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (("--frame", "nowhere"), "nowhere"),
        (("--tf-age", "20"), "is known from|unknown"),
        (("--tilt", "20"), "map is not level: base_link leans by 20.0 degrees"),
    ],
    ids=["wrong frame", "stale TF", "not level"],
)
def test_a_camera_whose_pose_is_unknown_is_named_and_the_memory_answers(
    start, client, eventually, options, complaint
):
    start_camera(start, client, *options)

    def complains():
        answer = ask(client, "red box")
        assert answer.error_code == QueryErrorCode.NONE and not answer.heatmap.data
        return any(word in answer.error_msg for word in complaint.split("|"))

    eventually(complains, f"a complaint with {complaint}")


@pytest.mark.parametrize("depth", ["1.0", "0.0", "nan"])
def test_with_a_camera_the_picture_and_the_latency_are_told(start, client, eventually, depth):
    reports = []
    client.node.create_subscription(DiagnosticArray, "/diagnostics", reports.append, 10)
    start_camera(start, client, "--depth", depth)
    eventually(
        lambda: len(ask(client, "red box", with_heatmap=True).heatmap.data) > 0,
        "an answer with a heat map",
    )
    answer = ask(client, "red box", with_heatmap=True)
    assert answer.error_code == QueryErrorCode.NONE
    assert answer.heatmap.header.frame_id == "camera_color_optical_frame"
    assert (answer.heatmap.width, answer.heatmap.height) == (80, 60)
    assert answer.heatmap.header.stamp.sec > 0
    eventually(
        lambda: any(s.name == "query: latency" for r in reports for s in r.status),
        "the latency on /diagnostics",
    )


@pytest.mark.parametrize(
    ("kind", "name", "text"),
    [(Query, "query", "red box"), (Describe, "describe", "how many objects are there?")],
)
def test_of_many_questions_at_once_each_is_answered_or_told_that_the_node_is_busy(
    client, kind, name, text
):
    request = kind.Request(text=text)
    services = [
        client.node.create_client(kind, f"/m3/{name}", qos_profile=SERVICE) for _ in range(2)
    ]
    assert all(service.wait_for_service(60.0) for service in services)
    futures = [service.call_async(request) for _ in range(25) for service in services]
    client.wait_until(lambda: all(future.done() for future in futures), 120.0, "answers")
    codes = [future.result().error_code for future in futures]
    assert set(codes) == {QueryErrorCode.NONE, QueryErrorCode.BUSY}
    busy = next(f.result() for f in futures if f.result().error_code == QueryErrorCode.BUSY)
    assert "busy" in busy.error_msg and not busy.targets
    assert kind is Describe or busy.status.value == QueryStatus.UNKNOWN


def test_a_damaged_memory_on_disk_is_told_with_every_answer(client, folder):
    ply = folder / "memory/gaussians.ply"
    whole = ply.read_bytes()
    assert ask(client, "red box").memory_problem == ""
    ply.write_bytes(whole[:-4])
    for _ in range(2):
        answer = ask(client, "red box")
        assert answer.error_code == QueryErrorCode.NONE
        assert "gaussians.ply" in answer.memory_problem
        assert answer.memory_problem in answer.error_msg
    ply.write_bytes(whole)
    assert ask(client, "red box").memory_problem == ""
