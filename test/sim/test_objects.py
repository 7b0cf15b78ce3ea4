"""Household objects: every one is well formed, repeatable, graspable and simulates."""

from dataclasses import replace

import mujoco
import numpy as np
import pytest

from m3_ros.geometry import matrix_to_quat, quat_to_matrix, rpy_to_matrix
from m3_ros.sim.objects import (
    CATEGORIES,
    COLORS,
    SPLITS,
    Part,
    add_object,
    catalog,
    held_out_pair,
    make_object,
)
from m3_ros.sim.objects.builder import ObjectBuilder
from m3_ros.sim.objects.catalog import STRUCTURES, TRAINING_STRUCTURES, held_out_structure
from m3_ros.sim.objects.meshes import (
    extrude,
    heart_outline,
    lathe,
    lobed,
    pressed,
    regular_outline,
    superellipsoid,
    tube,
)
from m3_ros.sim.objects.model import bounds


def volume(vertices, faces) -> float:
    """Signed volume of a closed mesh: positive when its faces look outwards."""
    a, b, c = (vertices[faces[:, k]] for k in range(3))
    return float(np.einsum("ij,ij->i", a, np.cross(b, c)).sum() / 6)


@pytest.mark.parametrize(
    ("mesh", "expected", "tolerance"),
    [
        (lathe([(0, 0), (2, 0), (2, 3), (0, 3)], segments=200), np.pi * 4 * 3, 0.01),
        (tube([[0, 0, 0], [0, 0, 1], [0, 0, 4]], 0.5, sides=200), np.pi * 0.25 * 4, 0.01),
        (extrude([[1, 1], [-1, 1], [-1, -1], [1, -1]], 3.0), 12.0, 1e-9),
        (superellipsoid([2, 4, 6], 1.0, rows=60, columns=100), np.pi * 8, 0.02),
        (extrude(regular_outline(5, 2.0, 1.0), 1.0), 5 * 2 * np.sin(np.pi / 5), 1e-9),
        (extrude(heart_outline(32, 29), 1.0), 180 * np.pi, 0.02),
        (lobed([(0, 0), (2, 0), (2, 3), (0, 3)], 6, 0.2), np.pi * 4 * 3 * 1.02, 0.05),
        (pressed([(0, 0), (2, 0), (2, 3), (0, 3)], 50), 4 * 4 * 3, 0.03),
        (pressed([(0, 0), (2, 0), (2, 3), (0, 3)], 2, stretch=1.5), np.pi * 6 * 3, 0.01),
    ],
)
def test_meshes_have_the_volume_of_their_solid_and_face_outwards(
    mesh, expected, tolerance
) -> None:
    assert volume(*mesh) == pytest.approx(expected, rel=max(tolerance, 1e-9))


def narrowest(parts: tuple[Part, ...]) -> float:
    """Least horizontal width over all directions, metres."""
    widths = []
    for yaw in np.radians(np.arange(0, 180, 10)):
        turn = rpy_to_matrix([0, 0, yaw])
        turned = [
            replace(
                part,
                position=turn @ part.position,
                quaternion=matrix_to_quat(turn @ quat_to_matrix(part.quaternion)),
            )
            for part in parts
        ]
        widths.append(np.ptp(bounds(turned)[:, 0]))
    return min(widths)


def test_enough_kinds_and_the_yellow_bath_duck() -> None:
    assert len(CATEGORIES) >= 33 and len(COLORS) >= 12 and STRUCTURES >= 6
    assert make_object("duck", "yellow", 0).name == "yellow duck"
    assert not held_out_pair("duck", "yellow")


def check_form(parts: tuple[Part, ...]) -> None:
    """Assert that the parts stand centred on their frame and fit the gripper."""
    low, high = bounds(parts)
    np.testing.assert_allclose([*((low + high) / 2)[:2], low[2]], 0, atol=1e-9)
    assert 0.015 <= high[2] <= 0.20
    assert (high - low).max() <= 0.22
    assert narrowest(parts) <= 0.095
    assert 1 <= sum(part.collide for part in parts) <= 12
    assert any(part.tint == "main" for part in parts)


@pytest.mark.parametrize("category", CATEGORIES)
def test_every_object_is_graspable_and_unlike_the_others(category) -> None:
    seen = set()
    for seed in range(12):
        model = make_object(category, "green", seed, split=SPLITS[seed % 3])
        check_form(model.parts)
        low, high = bounds(model.parts)
        np.testing.assert_allclose(model.size, high - low)
        assert 0.02 <= model.mass <= 0.5 and 0.4 <= model.friction <= 1.0
        seen.add(tuple(np.round(model.size, 4)))
    assert len(seen) == 12


@pytest.mark.parametrize("structure", range(TRAINING_STRUCTURES))
def test_every_structure_of_every_category_can_be_built(structure) -> None:
    for category, build in catalog._BUILDERS.items():
        for seed in range(2):
            kit = ObjectBuilder(np.random.default_rng(seed), COLORS["green"])
            build(kit, structure)
            parts = kit.finish()
            check_form(parts)
            for part in parts:
                assert part.vertices is None or np.isfinite(part.vertices).all(), category


def test_the_same_arguments_give_the_same_object() -> None:
    one, two = (make_object("teapot", "red", 7) for _ in range(2))
    other = make_object("teapot", "red", 8)
    for a, b in zip(one.parts, two.parts, strict=True):
        np.testing.assert_array_equal(a.position, b.position)
        assert a.rgba == b.rgba
    assert not np.array_equal(one.size, other.size)


def test_training_never_shows_the_held_out_structure() -> None:
    for category in CATEGORIES:
        train = [make_object(category, "blue", seed, split="train") for seed in range(20)]
        assert not any(model.held_out for model in train)
        assert make_object(category, "blue", 0, split="unseen").held_out
        assert 0 <= held_out_structure(category) < STRUCTURES


def test_only_training_goes_beyond_the_structures_of_scenes(monkeypatch) -> None:
    built = {split: set() for split in SPLITS}

    def record(kit: ObjectBuilder, structure: int) -> None:
        built[split].add(structure)
        kit.box((4, 4, 4))

    monkeypatch.setitem(catalog._BUILDERS, "duck", record)
    for split in SPLITS:
        for seed in range(150):
            make_object("duck", "yellow", seed, split=split)
    hidden = held_out_structure("duck")
    assert built["train"] == set(range(TRAINING_STRUCTURES)) - {hidden}
    assert built["eval"] == set(range(STRUCTURES))
    assert built["unseen"] == {hidden}


def fingerprint(split: str) -> float:
    """One number that any change of any category's objects in that split would move."""
    total = 0.0
    for category in CATEGORIES:
        for seed, color in enumerate(("red", "cyan", "grey")):
            model = make_object(category, color, seed, split=split)
            total += model.mass + model.friction + model.shine
            for index, part in enumerate(model.parts, start=1):
                low, high = part.bounds()
                total += index * (low @ [1, 2, 3] + high @ [3, 1, 2]) + sum(part.rgba)
    return total


@pytest.mark.parametrize(
    ("split", "pinned"), [("eval", 3075.259519623), ("unseen", 3105.903244493)]
)
def test_objects_of_scenes_never_change(split, pinned) -> None:
    assert fingerprint(split) == pytest.approx(pinned, abs=1e-6)


def test_held_out_pairs_are_about_one_in_eight() -> None:
    share = np.mean([held_out_pair(thing, color) for thing in CATEGORIES for color in COLORS])
    assert 0.08 < share < 0.17


def test_the_main_colour_dominates_and_is_near_its_name() -> None:
    for color, rgb in COLORS.items():
        model = make_object("ball", color, 3)
        main = next(part for part in model.parts if part.tint == "main")
        assert np.abs(np.subtract(main.rgba[:3], rgb)).max() < 0.3


def test_objects_rest_still_on_a_table() -> None:
    spec = mujoco.MjSpec()
    spec.option.timestep = 0.002
    spec.worldbody.add_geom(type=mujoco.mjtGeom.mjGEOM_PLANE, size=[5, 5, 0.1])
    for i, category in enumerate(("box", "mug", "duck", "book", "apple", "cone")):
        add_object(spec, make_object(category, "red", i), [0.3 * i, 0, 0.002], name=category)
    model = spec.compile()
    data = mujoco.MjData(model)
    for _ in range(750):
        mujoco.mj_step(model, data)
    for i, category in enumerate(("box", "mug", "duck", "book", "apple", "cone")):
        position = data.body(category).xpos
        assert np.abs(position[:2] - [0.3 * i, 0]).max() < 0.03, category
        assert -0.01 < position[2] < 0.05, category


def test_body_mass_is_the_objects_and_rendering_only_has_no_contacts() -> None:
    spec = mujoco.MjSpec()
    model = make_object("bottle", "blue", 1)
    add_object(spec, model, free=True, name="a")
    add_object(spec, model, free=False, name="b", collide=False)
    compiled = spec.compile()
    assert compiled.body("a").mass[0] == pytest.approx(model.mass)
    for geom in range(compiled.ngeom):
        owner = compiled.body(compiled.geom_bodyid[geom]).name
        if owner == "b":
            assert compiled.geom_contype[geom] == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("dragon", "red", 0), "category"),
        (("duck", "beige", 0), "color"),
    ],
)
def test_unknown_names_are_refused(arguments, message) -> None:
    with pytest.raises(ValueError, match=message):
        make_object(*arguments)
    with pytest.raises(ValueError, match="split"):
        make_object("duck", "red", 0, split="validation")


def test_a_part_must_be_what_it_says() -> None:
    at, turn = np.zeros(3), np.array([1.0, 0, 0, 0])
    with pytest.raises(ValueError, match="shape"):
        Part("torus", (1.0,), at, turn, (1, 1, 1, 1))
    with pytest.raises(ValueError, match="mesh"):
        Part("mesh", (), at, turn, (1, 1, 1, 1))
