"""A memory in other coordinates is brought into the robot's frame, or refused with a reason."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from m3_ros.errors import DataError
from m3_ros.geometry import OPENGL_FROM_OPENCV, inverse, quat_to_matrix, se3, transform
from m3_ros.memory.registration import (
    read_pairs,
    register,
    shared_cameras,
    transform_memory,
)
from m3_ros.query.answer import Localizer

SCALE = 3.7
ROTATION = quat_to_matrix([0.3, -0.5, 0.7, 0.2])
TO_COLMAP = se3(SCALE * ROTATION, [4.0, -2.0, 1.0])


def centres(views):
    return np.stack([view.camtoworld[:3, 3] for view in views])


def names(count):
    return [f"{index}.png" for index in range(count)]


@pytest.fixture(scope="module")
def colored_memory(toy_memory):
    """The toy memory with view-dependent colour of degree 3."""
    rest = torch.randn(
        len(toy_memory.gaussians), 15, 3, generator=torch.Generator().manual_seed(0)
    )
    gaussians = replace(toy_memory.gaussians, shN=0.1 * rest)
    views = [
        replace(view, name=f"{index:03d}.jpg", stamp=10.0 + index)
        for index, view in enumerate(toy_memory.views)
    ]
    return replace(toy_memory, gaussians=gaussians, views=tuple(views))


@pytest.fixture(scope="module")
def colmap_memory(colored_memory):
    return transform_memory(colored_memory, TO_COLMAP, "colmap")


def test_renders_from_the_transformed_camera_are_the_same(colored_memory, colmap_memory):
    ours, theirs = colored_memory.views[3], colmap_memory.views[3]
    assert colmap_memory.frame_id == "colmap"
    size = (ours.width, ours.height)
    before = colored_memory.render(ours.camtoworld, ours.K, size, "rgb")
    after = colmap_memory.render(theirs.camtoworld, theirs.K, size, "rgb")
    assert np.abs(before - before[0, 0]).max() > 0.1
    np.testing.assert_allclose(after, before, atol=1e-3)
    assert np.abs(after - before).mean() < 1e-5
    depth = colored_memory.render(ours.camtoworld, ours.K, size, "depth")
    scaled = colmap_memory.render(theirs.camtoworld, theirs.K, size, "depth")
    both = (depth > 0) & (scaled > 0)
    assert ((depth > 0) == (scaled > 0)).mean() > 0.999
    np.testing.assert_allclose(scaled[both], SCALE * depth[both], rtol=1e-3)


def test_view_dependent_colour_turns_with_the_memory(colored_memory, colmap_memory):
    """Without its own rotation the colour would differ."""
    ours, theirs = colored_memory.views[3], colmap_memory.views[3]
    size = (ours.width, ours.height)
    unturned = replace(colmap_memory.gaussians, shN=colored_memory.gaussians.shN)
    unturned = replace(colmap_memory, gaussians=unturned)
    before = colored_memory.render(ours.camtoworld, ours.K, size, "rgb")
    wrong = unturned.render(theirs.camtoworld, theirs.K, size, "rgb")
    assert np.abs(wrong - before).mean() > 0.01


def test_round_trip(colored_memory, colmap_memory):
    source, target = centres(colmap_memory.views), centres(colored_memory.views)
    found = register(source, target, names(len(source)))
    assert found.rms < 1e-9
    back = transform_memory(colmap_memory, found.similarity, "map")
    for ours, theirs in zip(back.views, colored_memory.views, strict=True):
        np.testing.assert_allclose(ours.camtoworld, theirs.camtoworld, atol=1e-9)
        assert (ours.name, ours.stamp) == (theirs.name, theirs.stamp)
    for name in ("means", "scales", "shN"):
        values = back.gaussians.tensors[name], colored_memory.gaussians.tensors[name]
        torch.testing.assert_close(*values, atol=1e-5, rtol=1e-5)
    assert back.frame_id == "map"


def test_a_query_finds_the_object_where_the_robot_has_it(toy, colmap_memory, colored_memory):
    source, target = centres(colmap_memory.views)[:4], centres(colored_memory.views)[:4]
    found = register(source, target, names(4))
    aligned = transform_memory(colmap_memory, found.similarity, "map")
    result = Localizer(aligned, toy.model).locate("red box")
    truth = [*toy.places["red"], toy.table_z + toy.box / 2]
    np.testing.assert_allclose(result.targets[0].box.center, truth, atol=0.005)
    np.testing.assert_allclose(result.targets[0].box.size, toy.box, atol=0.014)


@pytest.mark.parametrize(
    ("points", "message"),
    [
        (np.eye(3)[:2], "at least three common points, got 2"),
        (np.outer([0, 1, 2, 5.0], [1, 2, 3]), "lie on one line in the memory"),
    ],
)
def test_too_few_points_and_points_on_a_line_are_refused(points, message):
    others = np.random.default_rng(0).normal(size=points.shape)
    with pytest.raises(ValueError, match=message):
        register(points, others, names(len(points)))


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_point_that_is_not_finite_is_refused_by_name(value):
    points = np.random.default_rng(0).normal(size=(4, 3))
    wrong = points.copy()
    wrong[2, 1] = value
    for pair in ((points, wrong), (wrong, points)):
        with pytest.raises(ValueError, match="2.png must be finite"):
            register(*pair, names(4))


def test_a_line_in_the_robots_frame_is_refused():
    line = np.outer([0, 1, 2, 5.0], [1, 2, 3])
    with pytest.raises(ValueError, match="lie on one line in the robot's frame"):
        register(np.random.default_rng(0).normal(size=(4, 3)), line, names(4))


def test_points_that_do_not_fit_are_refused_and_the_worst_is_named():
    points = np.random.default_rng(1).normal(size=(6, 3))
    wrong = transform(TO_COLMAP, points)
    wrong[4] += [0.0, 3.0, 0.0]
    with pytest.raises(ValueError, match=r"do not fit.*4\.png is off most"):
        register(points, wrong, names(6))
    noisy = transform(TO_COLMAP, points + np.random.default_rng(2).normal(0, 0.01, (6, 3)))
    assert 0 < register(points, noisy, names(6)).rms < 0.1


def test_a_mirrored_frame_is_refused():
    points = np.random.default_rng(1).normal(size=(6, 3))
    with pytest.raises(ValueError, match="do not fit"):
        register(points, points * [1, 1, -1], names(6))


def write_poses(path, views, change=lambda entry, index: entry):
    entries = [
        {
            "file_path": f"images/{view.name}",
            "stamp": view.stamp,
            "transform_matrix": (view.camtoworld @ OPENGL_FROM_OPENCV).tolist(),
        }
        for view in views
    ]
    path.write_text(
        json.dumps({"frames": [change(entry, index) for index, entry in enumerate(entries)]})
    )
    return path


def test_cameras_are_matched_by_name_then_by_stamp(tmp_path, colored_memory, colmap_memory):
    views = colored_memory.views[::-1]
    path = write_poses(tmp_path / "transforms.json", views)
    ours, theirs, found = shared_cameras(colmap_memory.views, path)
    assert found == [view.name for view in colmap_memory.views]
    np.testing.assert_allclose(ours[3], colmap_memory.views[3].camtoworld)
    np.testing.assert_allclose(theirs[3], colored_memory.views[3].camtoworld, atol=1e-12)

    def renamed(entry, index):
        return entry | {"file_path": f"frame_{index}.png", "stamp": entry["stamp"] + 1e-4}

    _, theirs, _ = shared_cameras(
        colmap_memory.views, write_poses(tmp_path / "other.json", views[:5], renamed)
    )
    assert len(theirs) == 5
    np.testing.assert_allclose(theirs[0], colored_memory.views[5].camtoworld, atol=1e-12)


def test_a_name_that_occurs_twice_is_not_used(tmp_path, colmap_memory, colored_memory):
    def same(entry, index):
        return entry | {"file_path": "a.jpg" if index < 8 else entry["file_path"], "stamp": 0.0}

    path = write_poses(tmp_path / "transforms.json", colored_memory.views, same)
    assert shared_cameras(colmap_memory.views, path)[2] == []
    path = write_poses(tmp_path / "transforms.json", colored_memory.views)
    twice = [replace(view, name="rig/000.jpg", stamp=0.0) for view in colmap_memory.views]
    assert shared_cameras(twice, path)[2] == []


def test_folders_of_the_images_do_not_matter(tmp_path, colmap_memory, colored_memory):
    path = write_poses(tmp_path / "transforms.json", colored_memory.views)
    inside = [replace(view, name=f"rig/{view.name}", stamp=0.0) for view in colmap_memory.views]
    assert len(shared_cameras(inside, path)[2]) == len(inside)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "is not JSON"),
        ("[]", r"\$ is \[\]; it must be an object"),
        ('{"frames": [{"file_path": "a.png"}]}', "transform_matrix"),
        ('{"frames": [{"transform_matrix": [[2, 0], [0, 2]]}]}', r"frames\[0\]"),
    ],
)
def test_a_bad_file_of_poses_is_named(tmp_path, colmap_memory, text, message):
    path = tmp_path / "poses.json"
    path.write_text(text)
    with pytest.raises(ValueError, match=message) as error:
        shared_cameras(colmap_memory.views, path)
    assert "poses.json" in str(error.value)


def test_point_pairs_are_read_and_a_bad_line_is_named(tmp_path):
    path = tmp_path / "pairs.txt"
    path.write_text("# memory, robot\n1 2 3 4 5 6\n\n-1, 0, 0.5, 2e-1, 0, 1 # corner\n")
    np.testing.assert_allclose(read_pairs(path), [[1, 2, 3, 4, 5, 6], [-1, 0, 0.5, 0.2, 0, 1]])
    path.write_text("1 2 3 4 5 6\n1 2 3\n")
    with pytest.raises(ValueError, match=r"pairs.txt, line 2: '1 2 3' must be six numbers"):
        read_pairs(path)
    for content in (b"1 2 3 4 5 nan\n", b"\xff\xfe1"):
        path.write_bytes(content)
        with pytest.raises(DataError, match="line 1"):
            read_pairs(path)
    with pytest.raises(DataError, match=f"{tmp_path} cannot be read: Is a directory"):
        read_pairs(tmp_path)


def test_camera_poses_stay_rigid(colmap_memory):
    for view in colmap_memory.views:
        np.testing.assert_allclose(
            inverse(view.camtoworld) @ view.camtoworld, np.eye(4), atol=1e-12
        )
