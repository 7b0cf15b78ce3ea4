"""The evaluation really holds views out, counts what it says, and ranks as it should."""

import json
from dataclasses import replace

import numpy as np
import pytest

from m3_ros.capture.scan_writer import ScanWriter
from m3_ros.config import M3Config, MemoryConfig, SplatConfig
from m3_ros.evaluate.features import evaluate_features, run

SPLAT = SplatConfig(
    voxel_size=0.012,
    max_iterations=5,
    sh_degree=0,
    test_every=4,
    refine_poses=False,
)
CONFIG = M3Config(splat=SPLAT, memory=MemoryConfig(refine_steps=10))


@pytest.fixture(scope="module")
def scores(toy):
    found = evaluate_features(toy.frames, CONFIG, [toy.model], degrees=(6,))
    return {score.setting: score for score in found}


def test_every_setting_is_scored(scores):
    assert list(scores) == ["ours", "lifting", "frozen_random", "distill"]
    for score in scores.values():
        assert 0 <= score.cosine_distance < 1
        assert score.l2 > 0
        assert score.seconds > 0


def test_training_helps_and_random_projections_do_not(scores):
    assert scores["ours"].cosine_distance < scores["lifting"].cosine_distance
    assert scores["ours"].cosine_distance < scores["frozen_random"].cosine_distance


def test_parameters_are_equal_and_the_bank_is_counted(scores):
    assert len({score.parameters for score in scores.values()}) == 1
    assert scores["distill"].bytes == 4 * scores["distill"].parameters
    assert scores["ours"].bytes > scores["distill"].bytes


def test_held_out_views_do_not_matter(toy, scores):
    """Other pictures in the held-out views change the score, not what was learned."""
    held_out = (2, 6)
    frames = [
        replace(frame, rgb=np.zeros_like(frame.rgb)) if index in held_out else frame
        for index, frame in enumerate(toy.frames)
    ]

    class Watched(type(toy.model)):
        seen: tuple = ()

        def extract(self, rgb):
            result = super().extract(rgb)
            if not rgb.any():
                self.seen += (1,)
                result.valid[:] = True
                result.features[:] = self.encode_text(["umbrella"])[0]
            return result

    model = Watched()
    score = evaluate_features(frames, CONFIG, [model], (6,), ["lifting"])[0]
    assert len(model.seen) == len(held_out)
    assert score.bytes == scores["lifting"].bytes  # the umbrella is not in the bank
    assert score.cosine_distance > 0.8


def test_a_scan_folder_gives_a_table_and_json(toy, tmp_path, capsys):
    with ScanWriter(tmp_path / "scan") as writer:
        for frame in toy.frames:
            writer.add(frame)
    config = replace(CONFIG, memory=replace(CONFIG.memory, refine_steps=1))
    found = run(tmp_path / "scan", config, [toy.model], (6,), tmp_path / "scores.json")
    written = json.loads((tmp_path / "scores.json").read_text())
    assert [score["setting"] for score in written["scores"]] == [s.setting for s in found]
    assert "frozen_random" in capsys.readouterr().out


def test_bad_arguments(toy):
    with pytest.raises(ValueError, match="setting 'magic'"):
        evaluate_features(toy.frames, CONFIG, [toy.model], (6,), ["magic"])
    with pytest.raises(ValueError, match="too few"):
        evaluate_features(toy.frames[:3], CONFIG, [toy.model], (6,))
