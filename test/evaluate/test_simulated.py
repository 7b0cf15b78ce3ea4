"""A free camera in a simulated scene: its pictures agree with the truth."""

from dataclasses import replace

import numpy as np
import pytest

from m3_ros.capture.scan import Scan, ScanError
from m3_ros.config import SimulationConfig
from m3_ros.evaluate.simulated import SimulatedScene, simulate_scan
from m3_ros.geometry import inverse, project, transform
from m3_ros.sim.scene import random_scene

CONFIG = SimulationConfig(width=160, height=120, focal_length=95.6, depth_noise=0.0)


@pytest.fixture(scope="module")
def scene():
    made = SimulatedScene(random_scene(3, 3), replace(CONFIG, color_noise=0.0), (0.0, 0.0))
    yield made
    made.close()


def depth_at(frame, point):
    """Measured and true depth where a world point projects."""
    uv, z = project(transform(inverse(frame.camtoworld), point), frame.K)
    column, row = np.floor(uv).astype(int)
    return frame.depth[row, column], z


def test_a_scan_sees_the_objects_where_they_are(scene):
    frames = scene.scan(3)
    assert [frame.stamp for frame in frames] == [0.0, 1.0, 2.0]
    for frame in frames:
        measured, z = depth_at(frame, scene.truth("yellow bath duck")[0][:3, 3])
        assert 0 < z - measured < 0.08  # the surface is before the middle


def test_a_moved_object_leaves_its_place(scene):
    name = "yellow bath duck"
    place = scene.truth(name)[0][:3, 3]
    camtoworld = scene.viewpoint(180.0, 75.0)
    before, _ = depth_at(scene.frame(camtoworld), place)
    offset = scene.free_offset(name)
    assert np.linalg.norm(offset) > 0.12
    scene.move(name, offset)
    after, _ = depth_at(scene.frame(camtoworld), place)
    assert after > before + 0.02
    np.testing.assert_allclose(scene.truth(name)[0][:3, 3], place + offset, atol=1e-9)
    scene.move(name, -offset)


def test_pose_noise_is_in_the_frames_pose_only():
    noisy = SimulatedScene(random_scene(3, 1), CONFIG, (0.01, 0.01))
    pose = noisy.viewpoint(180.0, 60.0)
    believed = noisy.frame(pose).camtoworld
    noisy.close()
    assert 1e-4 < np.abs(believed - pose).max() < 0.1


def test_a_simulated_scan_is_a_scan_folder_of_the_seed(tmp_path):
    labels = simulate_scan(tmp_path / "one", 5, 3, CONFIG)
    assert "yellow bath duck" in labels and len(labels) == CONFIG.objects
    assert simulate_scan(tmp_path / "two", 5, 3, CONFIG) == labels
    one, two = Scan.open(tmp_path / "one"), Scan.open(tmp_path / "two")
    assert len(one) == 3 and (one[0].depth > 0).mean() > 0.5
    for first, second in zip(one, two, strict=True):
        np.testing.assert_array_equal(first.rgb, second.rgb)
        np.testing.assert_array_equal(first.camtoworld, second.camtoworld)
    with pytest.raises(ScanError, match="not empty"):
        simulate_scan(tmp_path / "one", 5, 3, CONFIG)
    with pytest.raises(ValueError, match="views"):
        simulate_scan(tmp_path / "none", 5, 0, CONFIG)


def test_a_scan_of_a_scene_file_shows_what_it_names(tmp_path):
    file = tmp_path / "scene.yaml"
    file.write_text("include: [red mug, blue cup]\n")
    labels = simulate_scan(tmp_path / "scan", 5, 1, replace(CONFIG, scene=str(file)))
    assert labels == ("red mug", "blue cup")
    with pytest.raises(ValueError, match=r"none\.yaml"):
        simulate_scan(tmp_path / "other", 5, 1, replace(CONFIG, scene="none.yaml"))
    assert not (tmp_path / "other").exists()
