"""The device that a setting means, and the versions of gsplat that are accepted."""

import pytest
import torch

from m3_ros.config import SplatConfig
from m3_ros.errors import UsageError
from m3_ros.features.loading import load_extractor
from m3_ros.splat import gsplat_backend
from m3_ros.splat.device import choose_device
from m3_ros.splat.fit import begin


def pretend(monkeypatch, count, gsplat=True):
    monkeypatch.setattr("torch.cuda.is_available", lambda: count > 0)
    monkeypatch.setattr("torch.cuda.device_count", lambda: count)
    monkeypatch.setattr("m3_ros.splat.device.find_spec", lambda name: gsplat or None)


@pytest.mark.parametrize(
    ("count", "gsplat", "setting", "device"),
    [
        (0, True, "auto", "cpu"), (1, False, "auto", "cpu"), (1, True, "auto", "cuda"),
        (2, True, "cuda:1", "cuda:1"), (1, True, "cuda", "cuda"), (1, True, "cpu", "cpu"),
    ],
)  # fmt: skip
def test_a_setting_means_a_device(monkeypatch, count, gsplat, setting, device):
    pretend(monkeypatch, count, gsplat)
    assert choose_device(setting) == device


@pytest.mark.parametrize(
    ("count", "gsplat", "setting", "reason"),
    [
        (0, True, "cuda", f"torch {torch.__version__}"),
        (1, True, "cuda:1", "torch finds 1 CUDA device, counted from 0"),
        (1, False, "cuda", "gsplat, which draws on it, is not installed"),
    ],
)
def test_a_device_that_is_not_there_is_refused_in_one_sentence(
    toy, monkeypatch, count, gsplat, setting, reason
):
    pretend(monkeypatch, count, gsplat)
    with pytest.raises(UsageError) as error:
        load_extractor("compact", device=setting)
    with pytest.raises(UsageError, match="is not|finds"):
        begin([toy.frames[0]], SplatConfig(), setting)
    message = str(error.value)
    assert setting in message and reason in message and "set it to auto or cpu" in message
    assert "\n" not in message


def test_the_installed_gsplat_is_known(caplog):
    import gsplat

    gsplat_backend.check_version(gsplat.__version__, gsplat.rasterization)
    assert not caplog.records


def test_an_unknown_gsplat_is_named(caplog):
    import gsplat

    gsplat_backend.check_version("9.0", gsplat.rasterization)
    assert "gsplat 9.0" in caplog.text
    for function, problem in (
        (lambda means, quats: None, "takes no scales"),
        (lambda scene, **options: None, "takes no means"),
    ):
        with pytest.raises(UsageError, match=f"gsplat 9.0 cannot be used.*{problem}.*==1.5.3"):
            gsplat_backend.check_version("9.0", function)
