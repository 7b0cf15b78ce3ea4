from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from m3_ros.codes import QueryStatus
from m3_ros.config import M3Config
from m3_ros.evaluate import remembered_search as module
from m3_ros.evaluate.remembered_search import Recorder, remembered_search, scan, to_target
from m3_ros.geometry import pose_distance
from m3_ros.grasp.planning import Planner
from m3_ros.query.result import QueryResult, TargetObject
from m3_ros.query.shape import upright_box
from m3_ros.robot_model import load_robot
from m3_ros.sim.scene import TABLE_HEIGHT, random_scene
from m3_ros.sim.simulation import Simulation

LABEL = "yellow bath duck"


@pytest.fixture(scope="module")
def config():
    config = M3Config()
    camera = {"width": 160, "height": 120, "focal_length": 95.0, "principal_offset": (0.0, 0.0)}
    return replace(
        config,
        grasp=replace(config.grasp, scan_views=12),
        splat=replace(config.splat, max_iterations=20),
        simulation=replace(config.simulation, **camera),
    )


@pytest.fixture
def simulation(config):
    return Simulation(config.simulation, random_scene(0, 3, (LABEL,)))


@pytest.fixture(scope="module")
def planner(config):
    return Planner(load_robot(), config.grasp)


def test_keyframes_are_apart_and_as_the_robot_believes(simulation, planner, config):
    frames = scan(simulation, planner, config)
    assert len(frames) >= 10
    limits = config.scan.keyframe_translation, config.scan.keyframe_rotation
    for before, after in pairwise(frames):
        apart = pose_distance(before.camtoworld, after.camtoworld)
        assert apart[0] >= limits[0] or apart[1] >= limits[1]


def test_a_recorder_waits_for_the_camera(simulation, config):
    recorder = Recorder(simulation, config.scan)
    for _ in range(5):
        recorder.capture()
    assert len(recorder.frames) == 1


def test_a_search_answers_from_memory_and_camera(simulation, planner, config, toy, monkeypatch):
    monkeypatch.setattr(module, "load_once", lambda name: toy.model)
    localize, surroundings = remembered_search(simulation, planner, config, LABEL)
    on_table = np.abs(surroundings[:, 2] - TABLE_HEIGHT) < 0.02
    assert len(surroundings) > 1000 and on_table.mean() > 0.3
    assert localize().status is QueryStatus.NOT_FOUND  # the toy model knows colours only


def test_the_best_answer_is_the_target():
    points = np.ones((5, 3))
    box = upright_box(points, 0.0)
    answer = TargetObject(0, "it", 0.9, QueryStatus.FOUND, box, 0.001, True, points)
    target = to_target(QueryResult(QueryStatus.FOUND, [answer], None, "here"))
    assert target.seen and target.points.shape == (5, 3) and target.message == "here"
    assert not to_target(QueryResult(QueryStatus.STALE, [], None, "gone")).located
