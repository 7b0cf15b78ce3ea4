import coal
import numpy as np
import pytest

from m3_ros.grasp.collision import Scene
from m3_ros.robot_model import load_robot

ROBOT = load_robot()
JAWS = ROBOT.gripper.links
HOME, SCAN = ROBOT.home, ROBOT.scan

FAR = np.zeros((0, 3))


@pytest.fixture(scope="module")
def model(planner):
    return planner.collision


def coal_distance(model, q, point):
    """Oracle: coal's distance of a tiny ball to every moving link."""
    model._place(q)
    ball, best = coal.Sphere(1e-6), np.inf
    for i in model._moving:
        placement = model._geometry_data.oMg[i]
        result = coal.DistanceResult()
        coal.distance(
            model.geometry.geometryObjects[i].geometry,
            coal.Transform3s(placement.rotation, placement.translation),
            ball,
            coal.Transform3s(np.eye(3), point),
            coal.DistanceRequest(),
            result,
        )
        best = min(best, result.min_distance)
    return best


def place_ahead(model, q):
    """Place `[3]` ahead of the jaws."""
    model._place(q)
    i = next(i for i in model._moving if model._link[i] == JAWS[0])
    placement = model._geometry_data.oMg[i]
    return placement.translation + placement.rotation @ [0.2, 0.0, 0.0]


def test_clearance_is_coal_s_distance(model):
    rng = np.random.default_rng(0)
    for q in (HOME, SCAN):
        for point in rng.uniform([0.2, -0.3, 0.0], [0.8, 0.3, 0.6], (40, 3)):
            expected = coal_distance(model, q, point)
            found = model.clearance(q, Scene(point[None], voxel=1e-6))
            if 1e-3 < expected < 0.09:
                assert found == pytest.approx(expected, abs=1e-4)
            elif expected <= 0.0:
                assert found < 1e-3
            elif expected > 0.11:
                assert found > 0.09


def test_no_point_of_a_scene_is_nearer_than_the_clearance(model):
    """Whichever points share a voxel, and wherever in it they lie."""
    rng = np.random.default_rng(3)
    cloud = rng.uniform(-0.01, 0.01, (40, 3))
    for q in SCAN + rng.uniform(-0.15, 0.15, (30, 6)):
        points = place_ahead(model, q) + cloud
        scene = Scene(points)
        nearest = min(coal_distance(model, q, point) for point in points)
        found = model.clearance(q, scene)
        assert found <= nearest + 1e-5
        assert found >= nearest - 2.0 * scene.radius


def test_known_postures(model):
    assert not model.self_collision(HOME) and not model.self_collision(SCAN)
    folded = np.array([0.0, 2.9, -2.87, 1.5, 0.0, 0.0])
    into_the_head = np.array([0.0, 1.9, -0.3, 1.4, 0.0, 0.0])
    assert model.self_collision(folded) or model.self_collision(into_the_head)


def test_an_empty_scene_is_free(model):
    assert model.clearance(HOME, Scene(FAR)) == np.inf
    assert model.is_free(HOME, Scene(FAR), 0.05)


def test_ignored_links_do_not_count(model, planner):
    tip = planner.arm.fk(SCAN) @ [0.14, 0.0, -0.015, 1.0]
    scene = Scene(tip[None, :3])
    assert model.clearance(SCAN, scene) < 0.0
    assert model.clearance(SCAN, scene, JAWS) > 0.05


def test_the_robot_s_own_points_are_told_from_others(model, planner):
    tip = (planner.arm.fk(SCAN) @ [0.14, 0.0, -0.015, 1.0])[:3]
    points = np.array([tip, tip + [0.0, 0.0, -0.15], [0.0, 0.0, 0.0]])
    assert model.off_robot(np.append(SCAN, 0.0), points, 0.02).tolist() == [False, True, False]


def test_scene_drops_what_is_near_an_object():
    scene = Scene(np.array([[0.0, 0.0, 0.0], [0.03, 0.0, 0.0], [0.2, 0.0, 0.0]]))
    left = scene.without(np.array([[0.0, 0.0, 0.0]]), 0.05)
    assert np.abs(left.points - [[0.2, 0.0, 0.0]]).max() < scene.radius
    assert scene.without(FAR, 0.05) is scene
