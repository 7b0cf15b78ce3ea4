"""Memory and query nodes between real processes: a toy scan becomes a memory that answers."""

import threading

import pytest
from diagnostic_msgs.msg import DiagnosticArray

from m3_ros.action import BuildMemory
from m3_ros.capture.scan import ScanWriter
from m3_ros.config import M3Config
from m3_ros.nodes.client import Client, ClientError
from m3_ros.nodes.images import to_points
from m3_ros.nodes.stack import Stack, override
from m3_ros.srv import Query

QUICK = ["splat.max_iterations=20", "memory.refine_steps=2"]
Result, Response = BuildMemory.Result, Query.Response


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
        return build(client, scan="/nowhere").error_code == Result.INVALID_SCAN
    except ClientError:
        return False


def ask(client, text):
    return client.call(Query, "/m3/query", Query.Request(text=text), timeout=60.0)


def test_without_a_memory_a_query_says_where_it_looked(client, folder):
    answer = ask(client, "red box")
    assert (answer.status, answer.error_code) == (Response.UNKNOWN, Response.NO_MEMORY)
    assert f"{folder}/memory" in answer.error_msg


def test_a_missing_scan_is_named(client):
    for goal in ({"scan": "/nowhere"}, {}):
        result = build(client, **goal)
        assert not result.success and result.error_code == Result.INVALID_SCAN
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


def test_the_query_node_loads_it_and_answers_without_a_camera(client, eventually):
    eventually(lambda: ask(client, "red box").error_code == Response.NONE, "the memory's loading")
    answer = ask(client, "red box")
    assert answer.status in (Response.FOUND, Response.NOT_FOUND, Response.AMBIGUOUS)
    assert "camera" in answer.error_msg and not answer.heatmap.data
    count = len(answer.targets)
    lists = (answer.sizes, answer.labels, answer.scores, answer.visible, answer.points)
    assert all(len(column) == count for column in lists)
    for target, cloud in zip(answer.targets, answer.points, strict=True):
        assert target.header.frame_id == cloud.header.frame_id == "map"
        assert len(to_points(cloud)) > 0


@pytest.mark.parametrize("text", ["", "   ", "x" * 1000], ids=["empty", "blank", "long"])
def test_a_question_that_cannot_be_asked_is_refused(client, text):
    answer = ask(client, text)
    assert (answer.status, answer.error_code) == (Response.UNKNOWN, Response.INVALID_QUERY)
    assert "query" in answer.error_msg


def start_camera(start, client, *options):
    start("fake_camera.py", *options)
    client.wait_until(lambda: client.node.count_publishers("/tf_static") > 0, 60.0, "no camera")


@pytest.mark.parametrize(
    ("options", "complaint"),
    [(("--frame", "nowhere"), "nowhere"), (("--tf-age", "20"), "is known from|unknown")],
    ids=["wrong frame", "stale TF"],
)
def test_a_camera_whose_pose_is_unknown_is_named_and_the_memory_answers(
    start, client, eventually, options, complaint
):
    start_camera(start, client, *options)

    def complains():
        answer = ask(client, "red box")
        assert answer.error_code == Response.NONE and not answer.heatmap.data
        return any(word in answer.error_msg for word in complaint.split("|"))

    eventually(complains, f"a complaint with {complaint}")


@pytest.mark.parametrize("depth", ["1.0", "0.0", "nan"])
def test_with_a_camera_the_picture_and_the_latency_are_told(start, client, eventually, depth):
    reports = []
    client.node.create_subscription(DiagnosticArray, "/diagnostics", reports.append, 10)
    start_camera(start, client, "--depth", depth)
    eventually(lambda: len(ask(client, "red box").heatmap.data) > 0, "an answer with a picture")
    answer = ask(client, "red box")
    assert answer.error_code == Response.NONE
    assert answer.heatmap.header.frame_id == "camera_color_optical_frame"
    assert (answer.heatmap.width, answer.heatmap.height) == (80, 60)
    assert answer.heatmap.header.stamp.sec > 0
    eventually(
        lambda: any(s.name == "query: latency" for r in reports for s in r.status),
        "the latency on /diagnostics",
    )


def test_questions_asked_at_once_are_all_answered(client):
    request = Query.Request(text="red box")
    service = client.node.create_client(Query, "/m3/query")
    assert service.wait_for_service(60.0)
    futures = [service.call_async(request) for _ in range(4)]
    client.wait_until(lambda: all(future.done() for future in futures), 120.0, "answers")
    statuses = {future.result().status for future in futures}
    assert len(statuses) == 1 and all(f.result().error_code == Response.NONE for f in futures)
