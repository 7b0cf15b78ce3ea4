"""A stand-in for CLIP has the statistics of real CLIP vectors."""

from pathlib import Path

import numpy as np
import pytest

from m3_ros.config import SimulationConfig
from m3_ros.errors import DataError
from m3_ros.evaluate.clip_twin import CROPS, DENSE, LVIS_NAMES, SYNONYMS, TEXTS, ClipTwin, spread
from m3_ros.evaluate.known_queries import query_scene
from m3_ros.evaluate.simulated import SimulatedScene
from m3_ros.memory.separation import appearance_angle
from m3_ros.sim.objects import CATEGORIES, COLORS

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = [base / "data" / "clip_vectors" for base in (ROOT / "shared", ROOT.parent / "shared")]


@pytest.fixture(scope="module", params=[DENSE, CROPS], ids=["dense", "crops"])
def twin(request):
    vectors = next((each for each in FOLDERS if (each / TEXTS).is_file()), None)
    if vectors is None:
        pytest.skip(f"no folder clip_vectors with {TEXTS} and {SYNONYMS} beside the repository")
    return ClipTwin(vectors, request.param)


def features(twin):
    """What all views of a thing share; of a feature of length 1, view and cell are the rest."""
    labels = [f"{color} {kind}" for color, kind in zip(list(COLORS) * 4, CATEGORIES, strict=False)]
    return labels, np.stack([twin.instance(f"{label}|here") for label in labels])


def test_cosines_are_those_of_real_vectors(twin):
    labels, rows = features(twin)
    between = spread(rows)
    middle = 0.54 if twin.statistics is DENSE else 0.82
    assert between["50 %"] == pytest.approx(middle, abs=0.05)
    texts = twin.encode_text([label.split(" ", 1)[1] for label in labels])
    cosines = rows @ texts.T
    assert 0.20 <= np.median(np.diag(cosines)) <= 0.32
    others = cosines[~np.eye(len(labels), dtype=bool)]
    assert 0.10 <= np.median(others) <= 0.22
    assert (cosines.argmax(1) == np.arange(len(labels))).mean() > 0.8


def test_texts_are_as_near_as_real_ones_and_colours_change_them(twin):
    words = twin.encode_text([kind for kind in CATEGORIES if kind not in LVIS_NAMES])
    assert 0.654 < spread(words)["50 %"] < 0.856  # 5 % and 99 % of all of LVIS
    red, blue, mug = twin.encode_text(["red mug", "blue mug", "mug"])
    assert red @ blue < red @ mug < 0.95


def test_the_test_of_one_appearance_can_fail(twin):
    _, rows = features(twin)
    rows = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    widest = np.cos(2.75 * appearance_angle(rows, twin.threshold))
    cosines = (rows @ rows.T)[np.triu_indices(len(rows), 1)]
    assert (cosines < widest).mean() > 0.5
    assert (cosines < np.cos(2.75 * np.arccos(twin.threshold))).mean() == 0.0  # by the bank alone


def test_a_picture_is_known_when_its_scene_is_watched(twin):
    config = SimulationConfig(width=320, height=240)
    scene = SimulatedScene(query_scene(3), config, (0.0, 0.0))
    try:
        unseen = scene.frame(scene.viewpoint(180.0, 60.0))
        twin.watch(scene)
        pose = scene.viewpoint(180.0, 60.0)
        seen, masks = scene.frame(pose), scene.masks(pose)
    finally:
        scene.close()
    with pytest.raises(DataError, match="only pictures of the scenes that it watches"):
        twin.extract(unseen.rgb)
    found = twin.extract(seen.rgb).features
    assert found.shape == (21, 28, 512)
    name = max(masks, key=lambda each: masks[each].sum())
    rows, columns = np.nonzero(masks[name])
    cell = found[int(rows.mean() * 21 / 240), int(columns.mean() * 28 / 320)]
    kinds = sorted({item.model.category for item in scene.objects.values()})
    texts = twin.encode_text([*kinds, "table"])
    assert kinds[int((texts[:-1] @ cell).argmax())] == scene.objects[name].model.category


def test_a_folder_without_vectors_is_named(tmp_path):
    with pytest.raises(DataError, match=f"{tmp_path}.*{TEXTS}"):
        ClipTwin(tmp_path)
