import json
from dataclasses import replace

import numpy as np
import pytest

from m3_ros.evaluate import bench_grasp
from m3_ros.evaluate.grasp_trial import Conditions, Trial

GOOD = Trial(0, "", True, "NONE", "", 0, 0.13, 0.1, 0.7, 0.05, 0.003, 1.0, 5.0, 12.0, 2.0)
BAD = replace(GOOD, lifted=False, error="NO_GRASP", height=0.0)


@pytest.fixture
def asked(monkeypatch):
    """Every second trial fails; what was asked for is noted."""
    calls = []

    def fake(seed, label, config, conditions, pictures):
        calls.append((seed, label))
        if pictures is not None:
            pictures["before"] = pictures["end"] = np.zeros((48, 64, 3), np.uint8)
        return replace(GOOD if seed % 2 == 0 else BAD, seed=seed, object=label)

    monkeypatch.setattr(bench_grasp, "run_trial", fake)
    return calls


def test_every_trial_is_counted_and_told(tmp_path, asked):
    path = tmp_path / "grasp.json"
    trials = bench_grasp.run(5, 10, categories=("mug", "duck"), json_path=path)
    assert [trial.seed for trial in trials] == [10, 11, 12, 13, 14]
    assert ["duck" in label for _, label in asked] == [False, True, False, True, False]
    told = json.loads(path.read_text())
    assert [row["lifted"] for row in told["trials"]] == [True, False] * 2 + [True]
    assert told["conditions"]["oracle"] is True


def test_a_run_that_was_broken_off_goes_on(tmp_path, asked):
    path = tmp_path / "grasp.json"
    bench_grasp.run(2, 10, json_path=path)
    trials = bench_grasp.run(4, 10, json_path=path)
    assert [seed for seed, _ in asked] == [10, 11, 12, 13]
    assert [trial.seed for trial in trials] == [10, 11, 12, 13]


def test_trials_of_other_conditions_are_not_mixed(tmp_path, asked):
    path = tmp_path / "grasp.json"
    bench_grasp.run(1, 10, json_path=path)
    with pytest.raises(ValueError, match="another file"):
        bench_grasp.run(1, 10, Conditions(drift=0.01), json_path=path)


def test_three_successes_and_one_of_each_failure_are_shown(tmp_path, asked):
    bench_grasp.run(10, 0, pictures=tmp_path)
    names = [path.name.split("_")[0] for path in sorted(tmp_path.glob("*.jpg"))]
    assert names == ["lifted"] * 3 + ["no"]


def test_the_summary_tells_shares_and_greatest_forces():
    rows = [replace(GOOD, table_force=7.0), GOOD, BAD, replace(BAD, error="DROPPED")]
    table = bench_grasp.summary(rows, Conditions())
    cells = dict(zip(*(list(column.cells) for column in table.columns), strict=True))
    assert cells["LIFTED"] == "2 (50.0 %)" and cells["DROPPED"] == "1 (25.0 %)"
    assert cells["robot on table, max N"] == "7"


def test_what_is_too_wide_for_the_jaws_is_told_apart():
    table = bench_grasp.summary([GOOD, replace(BAD, width=0.09)], Conditions())
    cells = dict(zip(*(list(column.cells) for column in table.columns), strict=True))
    assert cells["LIFTED"] == "1 (50.0 %)"
    assert cells["lifted, % of 1 at most 7.3 cm wide"] == "100"
