"""Queries answered from lifted features: the right place, or none."""

import numpy as np
import pytest

from m3_ros.codes import QueryStatus
from m3_ros.evaluate.plain_lifting import by_lifting, lifted_features
from m3_ros.query.answer import Localizer


@pytest.fixture(scope="module")
def lifted(toy, toy_memory):
    return lifted_features(toy_memory, toy.frames, toy.model)


@pytest.mark.parametrize("color", ["red", "green", "blue"])
def test_an_object_is_where_it_stands(toy, toy_memory, lifted, color):
    result = by_lifting(Localizer(toy_memory, toy.model), lifted, f"{color} thing")
    assert result.status is QueryStatus.FOUND
    np.testing.assert_allclose(result.targets[0].box.center[:2], toy.places[color], atol=0.03)


def test_features_are_unit_rows_of_opaque_gaussians(toy_memory, lifted):
    length = np.linalg.norm(lifted.astype(np.float32), axis=1)
    assert np.all((np.abs(length - 1) < 2e-3) | (length == 0))
    solid = toy_memory.gaussians.opacities.sigmoid().numpy() > 0.5
    assert not lifted[~solid].any() and (length[solid] > 0).mean() > 0.9


def test_nothing_shown_is_nothing_found(toy, toy_memory, lifted):
    result = by_lifting(Localizer(toy_memory, toy.model), np.zeros_like(lifted), "red thing")
    assert result.status is QueryStatus.NOT_FOUND and not result.targets
