from m3_ros.config import M3Config
from m3_ros.evaluate import remembered_search
from m3_ros.evaluate.grasp_trial import FRICTION, MASS, Conditions, run_trial
from m3_ros.grasp.robot import TrackingError


def test_a_duck_is_lifted_and_held_by_physics():
    pictures = {}
    trial = run_trial(0, "yellow bath duck", M3Config(), Conditions(clutter=2), pictures)
    assert trial.lifted and trial.error == "NONE" and trial.outcome == "LIFTED"
    assert 0.10 < trial.height < 0.20
    assert trial.table_force < 30.0 and trial.pressed_force < 30.0
    assert MASS[0] <= trial.mass <= MASS[1] and FRICTION[0] <= trial.friction <= FRICTION[1]
    assert list(pictures) == ["before", "above", "closed", "end"]
    assert (pictures["before"] != pictures["end"]).any()


def test_a_search_that_points_beside_the_object_lifts_nothing():
    trial = run_trial(0, "yellow bath duck", M3Config(), Conditions(clutter=0, bias=0.12))
    assert not trial.lifted and trial.outcome not in ("LIFTED", "NONE")
    assert trial.height < 0.05


def test_a_wrong_belief_of_camera_and_base_is_survived():
    conditions = Conditions(clutter=2, hand_eye=(0.005, 1.0), drift=0.01)
    trial = run_trial(1, "red toy block", M3Config(), conditions)
    assert trial.target_error > 0.002
    assert trial.lifted and trial.table_force < 30.0


def test_a_scan_that_strikes_something_is_a_failed_trial(monkeypatch):
    def strike(*_):
        raise TrackingError("the arm did not follow")

    monkeypatch.setattr(remembered_search, "remembered_search", strike)
    trial = run_trial(0, "red toy block", M3Config(), Conditions(oracle=False, clutter=0))
    assert trial.outcome == "EXECUTION_FAILED" and "while scanning" in trial.message
    assert not trial.lifted and trial.target_error != trial.target_error
