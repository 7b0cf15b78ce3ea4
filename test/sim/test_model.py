"""mjcf/b1_z1.xml and urdf/b1_z1.urdf are one robot: joints, limits, frames, masses, shapes."""

import xml.etree.ElementTree as ElementTree
from pathlib import Path

import mujoco
import numpy as np
import pinocchio
import pytest
import xacro

from m3_ros.geometry import inverse, quat_to_matrix, rpy_to_matrix, se3
from m3_ros.robot_model import load_robot

ROBOT = load_robot()
HOME, SCAN = ROBOT.home, ROBOT.scan

ROOT = Path(__file__).parents[2]
URDF = ROOT / "urdf" / "b1_z1.urdf"
JOINTS = [*(f"joint{i}" for i in range(1, 7)), "jointGripper"]


@pytest.fixture(scope="module")
def model():
    return mujoco.MjModel.from_xml_path(str(ROOT / "mjcf" / "b1_z1.xml"))


@pytest.fixture(scope="module")
def urdf():
    return ElementTree.parse(URDF).getroot()


def frame(data, name):
    body = data.body(name)
    return se3(body.xmat.reshape(3, 3), body.xpos)


def numbers(element, attribute, default="0 0 0"):
    text = default if element is None else element.get(attribute, default)
    return np.array([float(value) for value in text.split()])


def test_links_and_joints_have_the_same_names(model, urdf):
    links = {link.get("name") for link in urdf.iter("link")}
    bodies = {model.body(i).name for i in range(1, model.nbody)}
    assert links == bodies
    moving = [joint.get("name") for joint in urdf.iter("joint") if joint.get("type") != "fixed"]
    assert moving == JOINTS == [model.joint(i).name for i in range(3, model.njnt)]


@pytest.mark.parametrize("name", JOINTS)
def test_limits_agree(model, urdf, name):
    joint = next(joint for joint in urdf.iter("joint") if joint.get("name") == name)
    limit, dynamics = joint.find("limit"), joint.find("dynamics")
    ours = model.joint(name)
    assert [float(limit.get(k)) for k in ("lower", "upper")] == pytest.approx(list(ours.range))
    assert float(limit.get("effort")) == pytest.approx(model.jnt_actfrcrange[ours.id, 1])
    assert float(limit.get("velocity")) == ROBOT.max_velocity[JOINTS.index(name)]
    assert float(dynamics.get("damping")) == pytest.approx(ours.damping[0])
    assert float(dynamics.get("friction")) == pytest.approx(ours.frictionloss[0])
    np.testing.assert_allclose(model.actuator(name).ctrlrange, ours.range)


def test_frames_agree_at_random_joint_positions(model, urdf):
    data = mujoco.MjData(model)
    robot = pinocchio.buildModelFromUrdf(str(URDF))
    state = robot.createData()
    random = np.random.default_rng(0)
    for _ in range(10):
        q = random.uniform(robot.lowerPositionLimit, robot.upperPositionLimit)
        data.qpos[:3] = random.normal(size=3)
        data.qpos[3:] = [q[robot.joints[robot.getJointId(name)].idx_q] for name in JOINTS]
        mujoco.mj_kinematics(model, data)
        pinocchio.framesForwardKinematics(robot, state, q)
        for link in urdf.iter("link"):
            name = link.get("name")
            expected = state.oMf[robot.getFrameId(name)].homogeneous
            T_base_link = inverse(frame(data, "base_link")) @ frame(data, name)
            np.testing.assert_allclose(T_base_link, expected, atol=1e-6, err_msg=name)


def test_masses_and_inertias_agree(model, urdf):
    for link in urdf.iter("link"):
        inertial, body = link.find("inertial"), model.body(link.get("name"))
        if inertial is None:
            assert body.mass == 0
            continue
        assert float(inertial.find("mass").get("value")) == pytest.approx(body.mass[0])
        np.testing.assert_allclose(numbers(inertial.find("origin"), "xyz"), body.ipos)
        inertia = {key: float(value) for key, value in inertial.find("inertia").items()}
        principal = quat_to_matrix(body.iquat)
        ours = principal @ np.diag(body.inertia) @ principal.T
        for i, j in ((0, 0), (1, 1), (2, 2), (0, 1), (0, 2), (1, 2)):
            key = "i" + "xyz"[i] + "xyz"[j]
            assert ours[i, j] == pytest.approx(inertia[key], rel=1e-6, abs=1e-12), key


def test_collision_shapes_agree(model, urdf):
    shapes = {collision.get("name"): collision for collision in urdf.iter("collision")}
    geoms = [model.geom(i) for i in range(model.ngeom) if model.geom(i).contype[0]]
    assert set(shapes) == {geom.name for geom in geoms}
    for geom in geoms:
        collision = shapes[geom.name]
        origin, geometry = collision.find("origin"), collision.find("geometry")[0]
        np.testing.assert_allclose(numbers(origin, "xyz"), geom.pos, atol=1e-5, err_msg=geom.name)
        turn = rpy_to_matrix(numbers(origin, "rpy")).T @ quat_to_matrix(geom.quat)
        np.testing.assert_allclose(turn, np.eye(3), atol=1e-5, err_msg=geom.name)
        if geometry.tag == "box":
            np.testing.assert_allclose(numbers(geometry, "size") / 2, geom.size, atol=1e-6)
        else:
            radius, length = float(geometry.get("radius")), float(geometry.get("length"))
            np.testing.assert_allclose([radius, length / 2], geom.size[:2], atol=1e-6)


@pytest.mark.parametrize("name, posture", [("home", HOME), ("scan", SCAN)])
def test_named_postures_are_those_of_the_planner(model, name, posture):
    key = model.key(name)
    np.testing.assert_allclose(key.qpos, [0.0, 0.0, 0.0, *posture, 0.0])
    np.testing.assert_allclose(key.ctrl, key.qpos)


def test_urdf_is_what_xacro_makes():
    made = xacro.process_file(str(URDF.with_name("b1_z1.urdf.xacro"))).documentElement.toxml()
    kept = ElementTree.tostring(ElementTree.parse(URDF).getroot(), encoding="unicode")
    canonical = ElementTree.canonicalize
    assert canonical(made, strip_text=True) == canonical(kept, strip_text=True)
