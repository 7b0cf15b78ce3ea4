"""scene.yaml: a user's meshes stand where they should; errors name entry, field and rule."""

import re

import cv2
import mujoco
import numpy as np
import PIL.Image
import pytest
import trimesh

from m3_ros.config import SimulationConfig
from m3_ros.settings import ConfigError
from m3_ros.sim.camera import Camera
from m3_ros.sim.scene_file import load_scene
from m3_ros.sim.world import World

HALF = np.array([40.0, 30.0, 25.0])  # of the box in mm


@pytest.fixture
def folder(tmp_path):
    corners = [(x, y, z) for z in (-1, 1) for x, y in ((-1, -1), (1, -1), (1, 1), (-1, 1))]
    lines = ["v {} {} {}".format(*(HALF * corner)) for corner in corners]
    lines += ["vt 0 0", "vt 1 0", "vt 1 1", "vt 0 1"]
    sides = ((1, 4, 3, 2), (5, 6, 7, 8), (1, 2, 6, 5), (2, 3, 7, 6), (3, 4, 8, 7), (4, 1, 5, 8))
    for side in sides:
        lines.append("f " + " ".join(f"{v}/{t}" for t, v in enumerate(side, 1)))
    (tmp_path / "box.obj").write_text("\n".join(lines))
    return tmp_path


def write(folder, text):
    path = folder / "scene.yaml"
    path.write_text(text)
    return path


def test_meshes_are_scaled_placed_and_settle_on_the_table(folder):
    path = write(
        folder,
        """
        seed: 4
        include: [yellow bath duck]
        objects:
          - {name: parcel, mesh: box.obj, scale: 0.001, mass: 0.2, pose: [0.7, 0.1, 0.5]}
          - {name: parcel, mesh: box.obj, scale: 0.001, up: y}
        """,
    )
    scene = load_scene(path)
    assert [item.name for item in scene.objects] == ["yellow bath duck", "parcel", "parcel 2"]
    np.testing.assert_allclose(scene.objects[1].model.size, 2 * HALF / 1000)
    np.testing.assert_allclose(scene.objects[2].model.size, 2 * HALF[[0, 2, 1]] / 1000)
    world = World(scene, SimulationConfig())
    assert world.model.body("parcel").mass[0] == pytest.approx(0.2)
    truth = world.ground_truth()
    np.testing.assert_allclose(truth["parcel"][:3, 3], [0.7, 0.1, 0.525], atol=1e-3)
    np.testing.assert_allclose(truth["parcel 2"][2, 3], 0.530, atol=1e-3)


def test_texture_is_upright(folder):
    """The top face's v axis points along +y: its picture's upper half is at larger y."""
    picture = np.zeros((64, 64, 3), np.uint8)
    picture[:32, :, 2] = 255  # upper half red, lower half black
    cv2.imwrite(str(folder / "box.png"), picture)
    rgb = from_above(folder, "mesh: box.obj, texture: box.png")
    upper, lower = rgb[85, 100].astype(int), rgb[115, 100].astype(int)
    assert upper[0] > 60 + lower[0]
    assert upper[0] > 60 + upper[1]


def from_above(folder, fields):
    """Picture `[200, 200, 3]` of an object of the box's size, +y up."""
    entry = f"{{name: a, {fields}, scale: 0.001, pose: [0.8, 0.0, 0.0]}}"
    world = World(load_scene(write(folder, f"objects: [{entry}]")), SimulationConfig())
    view = mujoco.MjvCamera()
    view.lookat[:], view.distance = [0.8, 0.0, 0.55], 0.4
    view.azimuth, view.elevation = 90.0, -89.0
    camera = Camera(world.model, 200, 200)
    rgb, _ = camera.render(world.data, view)
    camera.close()
    return rgb


def exported(name, folder, **colors):
    """A box with the colours of each of its faces or vertices, in a file."""
    box = trimesh.creation.box(2 * HALF)
    colors = {kind: value(box) for kind, value in colors.items()}
    box.visual = trimesh.visual.ColorVisuals(box, **colors)
    box.export(folder / name)
    return f"mesh: {name}"


def green_top(positions):
    return [[0, 200, 0, 255] if z > 0 else [200, 0, 0, 255] for z in positions[:, 2]]


def vertex_colors(folder):
    return exported("box.ply", folder, vertex_colors=lambda box: green_top(box.vertices))


def face_colors(folder):
    return exported("box.ply", folder, face_colors=lambda box: green_top(box.triangles_center))


def material(folder):
    (folder / "box.mtl").write_text("newmtl paint\nKd 0.0 0.8 0.0\n")
    text = (folder / "box.obj").read_text()
    (folder / "painted.obj").write_text(f"mtllib box.mtl\nusemtl paint\n{text}")
    return "mesh: painted.obj"


def embedded_texture(folder):
    box = trimesh.load(folder / "box.obj", force="mesh", process=False)
    green = PIL.Image.fromarray(np.full((8, 8, 3), [0, 200, 0], np.uint8))
    paint = trimesh.visual.material.PBRMaterial(baseColorTexture=green)
    box.visual = trimesh.visual.TextureVisuals(box.visual.uv, paint)
    box.export(folder / "box.glb")
    return "mesh: box.glb"


def own_color(folder):
    return "mesh: box.obj, color: [0.0, 0.8, 0.0]"


def test_a_mesh_without_colours_is_grey(folder):
    bare = [line for line in (folder / "box.obj").read_text().splitlines() if line[:2] != "vt"]
    (folder / "bare.obj").write_text(re.sub(r"/\d", "", "\n".join(bare)))
    tops = [
        from_above(folder, f"mesh: {name}.obj")[90:110, 90:110].reshape(-1, 3).mean(0)
        for name in ("box", "bare")
    ]
    assert max(map(np.ptp, tops)) < 15 and 40 < np.mean(tops) < 200
    np.testing.assert_allclose(*tops, atol=15)


@pytest.mark.parametrize(
    "colored", [vertex_colors, face_colors, material, embedded_texture, own_color]
)
def test_a_mesh_keeps_its_colours(folder, colored):
    rgb = from_above(folder, colored(folder))
    red, green, blue = rgb[90:110, 90:110].reshape(-1, 3).astype(int).mean(0)
    assert green > 60 + max(red, blue)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("objects: [{name: a, mesh: none.obj}]", r"objects\[0\]: mesh = 'none.obj'.*is none"),
        ("objects: [{name: a, mesh: box.obj}]", r"objects\[0\]: scale = 1.0: the object is 80 x"),
        ("objects: [{name: a, mesh: box.obj, mass: -1}]", r"mass = -1.0: it must be at least"),
        (
            "objects: [{name: a, mesh: box.obj, scale: 0.001, color: [1, 2, 0]}]",
            r"color = \(1.0, 2.0, 0.0\): it must have 3 numbers from 0 to 1",
        ),
        (
            "objects: [{name: a, mesh: box.obj, scale: 0.001, color: [1, 0, 0], texture: b.png}]",
            r"color = \(1.0, 0.0, 0.0\): there must be no texture beside it",
        ),
        ("objects: [{mesh: box.obj}]", r"objects\[0\]: name = '': it must not be empty"),
        ("objects: [{name: a, mesh: box.obj, weight: 1}]", r"object.weight is unknown"),
        ("objects: [{name: a, mesh: box.obj, pose: [0, 0]}]", r"it must have 3 numbers"),
        ("objects: [{name: a, mesh: box.obj, pose: [9, 0, 0]}]", r"pose x = 9.0: it must be 0.55"),
        (
            "objects: [{name: a, mesh: box.obj, scale: 0.001, texture: b.png}]",
            r"texture = 'b.png': it must be a picture",
        ),
        ("include: [purple umbrella]", r"'purple umbrella' must be '<color> <category>'"),
        ("seed: -1", r"seed = -1: it must be at least 0"),
        ("[]]", r"is not YAML"),
        ("objects: 3", r"its objects a list"),
        ("seed: 1", r"at least one object must be given"),
    ],
)
def test_errors_name_entry_field_and_rule(folder, text, message):
    with pytest.raises(ConfigError, match=message):
        load_scene(write(folder, text))


def test_missing_file_is_named(tmp_path):
    with pytest.raises(ConfigError, match=r"nowhere.yaml cannot be read"):
        load_scene(tmp_path / "nowhere.yaml")
