"""A `.splat` file has the 32 bytes a Gaussian that web viewers decode."""

import numpy as np
import pytest
import torch

from m3_ros.splat import Gaussians
from m3_ros.splat.gaussians import SH_C0
from m3_ros.splat.splat_file import save_splat


def test_a_viewer_decodes_what_was_written(tmp_path):
    means = torch.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    quats = torch.tensor([[2.0, 0.0, 0.0, 0.0], [0.5, -0.5, 0.5, -0.5]])
    scales = torch.tensor([[0.01, 0.02, 0.03], [0.1, 0.2, 0.3]]).log()
    colors = torch.tensor([[0.2, 0.4, 0.6], [1.5, -0.5, 0.0]])
    opacities = torch.logit(torch.tensor([0.25, 0.75]))
    sh0 = ((colors - 0.5) / SH_C0)[:, None]
    save_splat(
        tmp_path / "a.splat", Gaussians(means, quats, scales, opacities, sh0, torch.zeros(2, 3, 3))
    )
    data = (tmp_path / "a.splat").read_bytes()
    assert len(data) == 64
    for start, row in ((0, 1), (32, 0)):  # the larger one comes first
        floats = np.frombuffer(data, "<f4", 6, start)
        bytes_ = np.frombuffer(data, np.uint8, 8, start + 24)
        np.testing.assert_allclose(floats[:3], means[row])
        np.testing.assert_allclose(floats[3:], scales[row].exp(), rtol=1e-6)
        np.testing.assert_allclose(bytes_[:3], (colors[row] * 255).clamp(0, 255), atol=0.51)
        assert bytes_[3] == pytest.approx(255 * torch.sigmoid(opacities[row]).item(), abs=0.51)
        expected = quats[row] / quats[row].norm()
        np.testing.assert_allclose((bytes_[4:] - 128.0) / 128, expected, atol=0.01)
