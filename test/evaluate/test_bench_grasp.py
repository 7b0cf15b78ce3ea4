import json

import numpy as np

from m3_ros.config import M3Config
from m3_ros.evaluate import bench_grasp


def test_a_duck_is_lifted_and_held_by_physics():
    trial = bench_grasp.run_trial(0, "yellow bath duck", M3Config(), 0.001, 0.0, clutter=2)
    assert trial.lifted and trial.error == "NONE"
    assert 0.10 < trial.height < 0.20
    assert trial.table_force < 30.0


def test_a_search_that_points_beside_the_object_lifts_nothing():
    trial = bench_grasp.run_trial(0, "yellow bath duck", M3Config(), 0.001, 0.12, clutter=0)
    assert not trial.lifted and trial.error != "NONE"
    assert trial.height < 0.05


def test_the_table_counts_every_trial(tmp_path, monkeypatch):
    made = []

    def fake(seed, label, *_):
        made.append(label)
        good = seed % 2 == 0
        error = "NONE" if good else "NO_GRASP"
        return bench_grasp.Trial(seed, label, good, error, "", 0, 0.1, 1.0, 9.0, 2.0)

    monkeypatch.setattr(bench_grasp, "run_trial", fake)
    path = tmp_path / "grasp.json"
    trials = bench_grasp.run(scenes=5, seed=10, categories=("mug", "duck"), json_path=path)
    assert [trial.seed for trial in trials] == [10, 11, 12, 13, 14]
    assert ["duck" in label for label in made] == [False, True, False, True, False]
    told = json.loads(path.read_text())
    assert np.sum([row["lifted"] for row in told]) == 3
