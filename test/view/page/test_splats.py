"""Covariances and colours of the Gaussians on the page."""

import numpy as np
import pytest
import torch

from m3_ros.splat import Gaussians
from m3_ros.view.page.splats import RELEVANCY, colors, covariances, quantities


def test_a_covariance_has_the_scales_squared_along_the_axes():
    turn = torch.tensor([[np.cos(np.pi / 4), 0.0, 0.0, np.sin(np.pi / 4)]])  # 90 degrees about z
    gaussian = Gaussians(
        means=torch.zeros(1, 3),
        quats=2 * turn,  # of any length
        scales=torch.tensor([[0.1, 0.2, 0.3]]).log(),
        opacities=torch.zeros(1),
        sh0=torch.zeros(1, 1, 3),
        shN=torch.zeros(1, 0, 3),
    )
    np.testing.assert_allclose(covariances(gaussian)[0], np.diag([0.2, 0.1, 0.3]) ** 2, atol=1e-8)


def test_every_quantity_is_a_colour_for_each_gaussian(toy_memory):
    relevancy = np.linspace(0, 1, len(toy_memory.gaussians), dtype=np.float32)
    eye = toy_memory.views[0].camtoworld[:3, 3]
    shown = {name: colors(toy_memory, name, eye, relevancy) for name in quantities(toy_memory)}
    assert set(shown) > {"colour", "relevancy", "color features", "color reliability"}
    for name, picture in shown.items():
        assert picture.shape == (len(relevancy), 3) and picture.dtype == np.uint8, name
        if name != "normals":  # the toy's Gaussians are round: all normals are one
            assert len(np.unique(picture, axis=0)) > 3, name


def test_relevancy_is_red_where_it_is_high_and_the_colour_before_a_request(toy_memory):
    values = np.zeros(len(toy_memory.gaussians), np.float32)
    values[:10] = 1.0
    eye = np.zeros(3)
    plain, heat = (colors(toy_memory, RELEVANCY, eye, each) for each in (None, values))
    assert (plain == colors(toy_memory, "colour", eye)).all()
    assert (heat[:10, 0] > heat[:10, 2]).all()


def test_what_no_model_has_is_refused(toy_memory):
    with pytest.raises(ValueError, match="clip"):
        colors(toy_memory, "clip features", np.zeros(3))
