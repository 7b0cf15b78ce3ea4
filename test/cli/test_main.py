"""The command line: what it prints, and how it says what is wrong."""

import json
import sys
from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch

from m3_ros.capture.frame import RgbdFrame
from m3_ros.capture.scan import Scan
from m3_ros.capture.scan_writer import ScanWriter
from m3_ros.cli import main as cli
from m3_ros.geometry import OPENGL_FROM_OPENCV, look_at, rpy_to_matrix, se3, transform
from m3_ros.memory.registration import scaled, transform_memory
from m3_ros.memory.spatial_memory import SpatialMemory
from m3_ros.query.answer import Localizer
from m3_ros.splat import load_ply

K = np.array([[30.0, 0, 16], [0, 30.0, 12], [0, 0, 1]])


@pytest.fixture
def scan(tmp_path):
    rng = np.random.default_rng(0)
    with ScanWriter(tmp_path / "scan") as writer:
        for x in (0.3, 0.4):
            rgb = rng.integers(0, 255, (24, 32, 3), dtype=np.uint8)
            depth = np.full((24, 32), 0.5, np.float32)
            writer.add(RgbdFrame(rgb, depth, K, look_at([x, 0, 0.4], [0, 0, 0])))
    return tmp_path / "scan"


@pytest.fixture
def m3(monkeypatch, capsys):
    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["m3", *map(str, arguments)])
        status = cli.main()
        captured = capsys.readouterr()
        return status, captured.out, captured.err

    return run


def test_scan_show_describes_and_draws(m3, scan, tmp_path):
    status, out, _ = m3("scan", "show", scan, "--output", tmp_path / "sheet.png")
    assert status == 0 and "2 frames of 32 x 24, camera path 0.10 m" in out
    assert (tmp_path / "sheet.png").stat().st_size > 0


def test_scan_check_prints_what_is_understood(m3, scan, tmp_path):
    status, out, _ = m3("scan", "check", scan, "--output", tmp_path / "sheet.png")
    assert status == 0 and "format: transforms.json" in out and "nothing is suspicious" in out
    assert (tmp_path / "sheet.png").stat().st_size > 0


def test_scan_import_copies(m3, scan, tmp_path):
    status, out, _ = m3("scan", "import", scan, tmp_path / "copy")
    assert status == 0 and "2 frames" in out and len(Scan.open(tmp_path / "copy")) == 2


@pytest.mark.parametrize("kind", ["colmap", "nerfstudio", "rosbag2"])
def test_scan_export_writes_what_import_reads(m3, scan, tmp_path, kind):
    status, out, _ = m3("scan", "export", scan, tmp_path / kind, "--to", kind)
    assert status == 0 and f"2 frames in {tmp_path / kind}" in out
    assert m3("scan", "import", tmp_path / kind, tmp_path / "back")[0] == 0


def test_build_says_which_views_its_score_is_of(m3, scan, tmp_path):
    config = tmp_path / "quick.yaml"
    config.write_text("{splat: {max_iterations: 2}, memory: {refine_steps: 1}}")
    status, out, _ = m3("build", scan, tmp_path / "memory", "--config", config)
    assert status == 0 and "2 views of the fit itself (none is held out), as they are: PSNR" in out


@pytest.fixture
def foreign(tmp_path, toy_memory):
    """A memory in other coordinates, of half the scale, and its similarity from the robot's."""
    similarity = se3(0.5 * rpy_to_matrix([0.3, -0.2, 1.0]), [1.0, 2.0, 3.0])
    names = [f"{index}.png" for index in range(len(toy_memory.views))]
    views = [replace(v, name=name) for v, name in zip(toy_memory.views, names, strict=True)]
    memory = transform_memory(replace(toy_memory, views=tuple(views)), similarity, "colmap")
    memory.save(tmp_path / "memory")
    return tmp_path / "memory", similarity


@pytest.mark.parametrize("kind", ["ply", "splat"])
def test_export_writes_the_gaussians_for_viewers(m3, foreign, toy_memory, tmp_path, kind):
    target, count = tmp_path / f"a.{kind}", len(toy_memory.gaussians)
    status, out, _ = m3("export", foreign[0], target, "--to", kind)
    assert status == 0 and f"{count} Gaussians in {target}" in out
    if kind == "ply":
        assert len(load_ply(target)) == count
    else:
        assert target.stat().st_size == 32 * count


def test_align_by_shared_cameras(m3, foreign, toy_memory, tmp_path):
    frames = [
        {"file_path": f"{i}.png", "transform_matrix": (v.camtoworld @ OPENGL_FROM_OPENCV).tolist()}
        for i, v in enumerate(toy_memory.views[:5])
    ]
    (tmp_path / "transforms.json").write_text(json.dumps({"frames": frames}))
    status, out, _ = m3(
        "align", foreign[0], "--poses", tmp_path / "transforms.json", "--frame", "odom"
    )
    assert status == 0 and "5 common points: scale 2.0000" in out and "now in odom" in out
    aligned = SpatialMemory.load(foreign[0])
    assert aligned.frame_id == "odom"
    torch.testing.assert_close(
        aligned.gaussians.means, toy_memory.gaussians.means, atol=1e-5, rtol=0
    )


def test_align_by_point_pairs(m3, foreign, toy_memory, tmp_path):
    robot = np.array([[0.0, 0, 0], [0.3, -0.1, 0], [0, 0.4, 0.2], [-0.2, 0.1, 0.5]])
    pairs = np.concatenate([transform(foreign[1], robot), robot], 1)
    np.savetxt(tmp_path / "pairs.txt", pairs[:3])
    status, out, _ = m3(
        "align", foreign[0], "--points", tmp_path / "pairs.txt", "--pair", *pairs[3]
    )
    assert status == 0 and "4 common points: scale 2.0000" in out
    views = SpatialMemory.load(foreign[0]).views
    np.testing.assert_allclose(views[2].camtoworld, toy_memory.views[2].camtoworld, atol=1e-6)
    pair = pairs[3]
    status, _, err = m3("align", foreign[0], "--pair", *pair, "--pair", *pair)
    assert status == 65 and "at least three common points, got 2" in err
    status, _, err = m3("align", foreign[0])
    assert status == 2 and "one of --poses" in err


def test_align_by_a_known_length_or_object_gives_the_scale(
    m3, foreign, toy, toy_memory, monkeypatch
):
    memory, similarity = foreign
    replace(SpatialMemory.load(memory), metric=False).save(memory)
    ends = transform(similarity, np.array([[0.0, 0, 0], [0.3, -0.1, 0]])).ravel()
    true = np.hypot(0.3, 0.1)
    status, out, _ = m3("align", memory, "--length", *ends, 1.1 * true)
    assert status == 0 and "lengths times 2.2 are metres" in out
    aligned = SpatialMemory.load(memory)
    assert aligned.metric
    assert aligned.working_distance == pytest.approx(1.1 * toy_memory.working_distance)
    monkeypatch.setattr("m3_ros.features.loading.load_language_extractor", lambda _: toy.model)
    size = Localizer(toy_memory, toy.model).locate("red box").targets[0].box.size.max()
    replace(scaled(toy_memory, 2.5), metric=False).save(memory)
    status, _, _ = m3("align", memory, "--size", "red box", size)
    assert status == 0
    found = SpatialMemory.load(memory)
    assert found.metric and found.working_distance == pytest.approx(toy_memory.working_distance)
    status, _, err = m3("align", memory, "--size", "umbrella", 0.1)
    assert status == 2 and "NOT_FOUND" in err
    status, _, err = m3("align", memory, "--length", *[0.0] * 6, 1.0)
    assert status == 2 and "above 0" in err


@pytest.fixture
def seen(tmp_path, toy, toy_memory):
    """The scan of the toy world, and a memory of it whose keyframes are that scan's frames."""
    with ScanWriter(tmp_path / "toy") as writer:
        for frame in toy.frames:
            writer.add(frame)
    frames = list(Scan.open(tmp_path / "toy"))
    names = [(frame.name, frame.stamp) for frame in frames]
    views = zip(toy_memory.views, names, strict=True)
    views = tuple(replace(view, name=name, stamp=stamp) for view, (name, stamp) in views)
    features = replace(toy_memory.config.features, models=("color",))
    config = replace(toy_memory.config, features=features)
    replace(toy_memory, views=views, config=config).save(tmp_path / "memory")
    return tmp_path / "memory", tmp_path / "toy"


def test_find_view_says_from_where_and_draws_it(m3, seen, toy, monkeypatch):
    monkeypatch.setattr("m3_ros.query.answer.load_language_extractor", lambda *_: toy.model)
    memory, scan = seen
    status, out, _ = m3("find-view", memory, "red box", "--scan", scan)
    assert status == 0 and "FOUND" in out and "of 10 keyframes, best in" in out
    picture = cv2.imread(str(memory.with_suffix(".seen.png")))
    index = int(out.split("best in ")[1].split()[0].rstrip(":"))
    changed = (picture[..., ::-1] != toy.frames[index].rgb).any(-1)
    assert 0 < changed.mean() < 0.2  # the camera's picture with a box in it
    status, out, _ = m3("find-view", memory, "umbrella")
    assert status == 1 and "NOT_FOUND" in out


def test_describe_prints_the_inventory_an_answer_or_what_is_at_a_point(m3, seen, toy, monkeypatch):
    monkeypatch.setattr("m3_ros.features.loading.load_language_extractor", lambda *_: toy.model)
    memory, red = seen[0], (*toy.places["red"], toy.table_z + toy.box / 2)
    status, out, _ = m3("describe", memory)
    assert status == 0 and len(out.splitlines()) == 4
    assert "a red box, " in out and " cm, on the table, " in out and " m in map (sure: " in out
    status, out, _ = m3("describe", memory, "how many boxes are there?")
    assert status == 0 and out.splitlines()[0] == "boxes: 4"
    status, out, _ = m3("describe", memory, "--at", *red)
    assert status == 0 and out.startswith("a red box, ")
    status, out, _ = m3("describe", memory, "--view", 0)
    assert status == 0 and len(out.splitlines()) == 4  # all stand in its picture
    status, _, err = m3("describe", memory, "--view", 0, "--model", "llamav")
    assert status == 2 and "the memory has nothing of llamav" in err
    status, _, err = m3("describe", memory, "--model", "llama3")
    assert status == 2 and "needs --at X Y Z or --view N" in err
    status, _, err = m3("describe", memory, "where is the box?")
    assert status == 2 and "no question" in err
    status, _, err = m3("describe", memory, "what is on the table?", "--at", *red)
    assert status == 2 and "not both" in err


def test_find_view_refuses_another_scan(m3, seen, scan, toy, monkeypatch):
    monkeypatch.setattr("m3_ros.query.answer.load_language_extractor", lambda *_: toy.model)
    status, _, err = m3("find-view", seen[0], "blue box", "--scan", scan)
    assert status == 65 and "name the scan that the memory was built from" in err


def test_trace_lists_the_sources_of_a_pixel_and_draws_them(m3, seen, toy, monkeypatch):
    monkeypatch.setattr("m3_ros.features.loading.load_extractor", lambda _: toy.model)
    memory, scan = seen
    rgb = toy.frames[2].rgb.astype(int)
    row, column = np.unravel_index((rgb[..., 0] - rgb[..., 1:].max(-1)).argmax(), rgb.shape[:2])
    status, out, _ = m3(
        "trace", memory, "--view", 2, "--pixel", column, row, "--count", 2, "--scan", scan
    )
    assert status == 0 and memory.with_suffix(".trace.png").is_file()
    words = next(line for line in out.splitlines() if "weight" in line).replace(",", "").split()
    frame, cell_row, cell_column = (
        int(words[words.index(word) + 1]) for word in ("keyframe", "row", "column")
    )
    cell = toy.frames[frame].rgb[2 * cell_row, 2 * cell_column].astype(int)
    assert cell[0] > 1.5 * cell[1:].max()  # red, as the pixel
    status, _, err = m3("trace", memory, "--view", 10, "--pixel", 0, 0)
    assert status == 2 and "keyframes 0 to 9" in err
    status, _, err = m3("trace", memory, "--pixel", 160, 0)
    assert status == 2 and "160 columns" in err


def test_models_says_what_is_here_and_how_to_get_the_rest(m3, monkeypatch, tmp_path):
    monkeypatch.setattr("m3_ros.features.model_cards.ModelCard.snapshot", lambda *_: None)
    status, out, _ = m3("models")
    assert status == 0 and "dinov2: .venv/bin/hf download facebook/dinov2-giant" in out
    assert [line.split("│")[-2].strip() for line in out.splitlines() if "│ compact" in line] == [
        "yes"
    ]


def test_models_verify_shows_what_the_shipped_one_sees(m3, tmp_path):
    picture = tmp_path / "seen.png"
    status, out, _ = m3("models", "verify", "compact", "--picture", picture)
    assert "of 240" in out and "cosine with 'a red circle'" in out and picture.is_file()
    assert status == ("problem: " in out)


def test_features_are_put_beside_the_scan_once(m3, scan):
    for _ in range(2):
        status, out, err = m3("features", scan, "--models", "compact,compact", "--batch", "2")
        assert status == 0 and "compact: 2 images in" in out and "2/2" in err
    assert len(list((scan / "features").rglob("*.safetensors"))) == 2


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("scan", "show", "nowhere"), 65, "nowhere is no scan"),
        (("scan", "simulate", "new", "--room", "--ring"), 2, "are two scenes"),
        (("build", "nowhere"), 65, "nowhere is no scan"),
        (("build", "nowhere", "--config", "none.yaml"), 78, "none.yaml cannot be read"),
        (("query", "nowhere", "duck"), 65, "nowhere"),
        (("features", "nowhere"), 65, "nowhere is no scan"),
        (("bench", "features", "--models", "dinov2:nowhere"), 74, "is no folder"),
        (("models", "verify", "dinov2:nowhere"), 74, "is no folder"),
        (("models", "verify"), 2, "needs a model"),
        (("models", "list", "clip"), 2, "list takes none"),
        (("bench", "query", "--scenes", "0"), 2, "scenes = 0: it must be at least 1"),
        (("bench", "query", "--workers", "0"), 2, "workers = 0: it must be at least 1"),
        (("bench", "grasp", "--scenes", "0"), 2, "scenes = 0: it must be at least 1"),
        (("bench", "memory", "--frames", "-1"), 2, "frames = -1: it must be at least 0"),
        (("calibrate", "--scenes", "0"), 2, "scenes = 0: it must be at least 1"),
        (("eval", "grounding", "--views", "0"), 2, "views = 0: it must be at least 1"),
        (("up", "m3", "--set", "a=1", "--set", "b=2"), 2, "--set is given 2 times"),
        (("bench", "splat", "--scan", "nowhere"), 65, "nowhere is no scan"),
        (("bench", "memory", "nowhere"), 65, "nowhere is no scan"),
    ],
)
def test_what_is_wrong_is_one_line(m3, arguments, code, words):
    status, _, err = m3(*arguments)
    assert status == code and words in err and err.count("\n") == 1


def test_build_refuses_its_target_before_it_works(m3, scan, monkeypatch):
    monkeypatch.setattr("m3_ros.memory.build.build_memory", lambda *_: pytest.fail("it built"))
    status, _, err = m3("build", scan, scan)
    assert status == 65 and "exists and is not a memory; name another folder" in err


def test_a_build_older_than_its_sources_names_the_remedy(m3, monkeypatch):
    monkeypatch.setitem(sys.modules, "m3_ros.view.scan", None)
    status, _, err = m3("scan", "show", "scan")
    assert status == 69 and err.count("\n") == 1
    assert "m3_ros.view.scan is not installed" in err and "make setup" in err


@pytest.mark.parametrize(
    "arguments",
    [("demo",), ("up", "m3"), ("grasp", "cup"), ("place",), ("release",), ("stow",)],
)
@pytest.mark.parametrize(
    ("absent", "words"),
    [("rclpy", "ROS 2 cannot be used"), ("m3_ros.action", "messages of m3_ros are not built")],
)
def test_without_ros_one_line_says_what_is_missing(m3, monkeypatch, arguments, absent, words):
    monkeypatch.setitem(sys.modules, absent, None)
    status, out, err = m3(*arguments)
    assert (status, out) == (69, "") and err.count("\n") == 1
    assert words in err and "source install/setup.bash" in err and "make setup" in err


def test_a_fault_of_the_program_is_one_line_and_a_file(m3, monkeypatch, tmp_path):
    def broken(folder):
        raise TypeError("no such thing")

    monkeypatch.setattr("m3_ros.view.scan.describe_scan", broken)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    status, out, err = m3("scan", "show", "scan")
    (written,) = tmp_path.glob("m3-fault-*.txt")
    assert (status, out) == (70, "") and err.count("\n") == 1
    assert "a fault of m3, TypeError: no such thing" in err and str(written) in err
    assert "in broken" in written.read_text()


def test_an_unknown_command_is_refused(m3):
    with pytest.raises(SystemExit) as stop:
        m3("fly")
    assert stop.value.code == 2
