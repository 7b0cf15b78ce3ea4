"""Principal queries: directions of the bank, lifting, training."""

from itertools import pairwise

import numpy as np
import pytest
import torch

from m3_ros.memory.feature_store import FeatureStore
from m3_ros.memory.psc import MemoryBank
from m3_ros.memory.queries import (
    PrincipalQueries,
    View,
    attention_decoder,
    lift_queries,
    point_loss,
    principal_directions,
    refine,
    render_queries,
)
from m3_ros.splat import Gaussians


@pytest.fixture(scope="module")
def bank(toy_store):
    bank = MemoryBank(24, 0.9)
    for index in range(len(toy_store)):
        features, valid = toy_store.read_unit(index)
        bank.add(features[valid])
    return bank


def distance(gaussians, views, store, queries, bank):
    """Mean cosine distance of rendered, decoded features to the maps."""
    decode, errors = attention_decoder(bank.components), []
    for index, view in enumerate(views):
        target, valid = store.read_unit(index)
        rendered = render_queries(gaussians, queries.queries, view, (80, 60))
        features = decode(rendered, queries.projection, queries.temperature)
        errors.append(1 - torch.cosine_similarity(features, target, dim=-1)[valid])
    return float(torch.cat(errors).mean())


def test_a_view_at_another_size_sees_the_same_rays():
    K = np.array([[100.0, 0, 31.0], [0, 90.0, 25.0], [0, 0, 1.0]])
    view = View(np.eye(4), K, 64, 48)
    _, half = view.at(32, 24)
    np.testing.assert_allclose(half.numpy(), [[50, 0, 15.5], [0, 45, 12.5], [0, 0, 1]])


@pytest.mark.parametrize(("rows", "dim", "degrees"), [(40, 12, 5), (3, 12, 5), (40, 4, 8)])
def test_directions_span_the_components_best(rows, dim, degrees):
    components = torch.randn(rows, dim, generator=torch.Generator().manual_seed(0))
    basis = principal_directions(components, degrees)
    assert basis.shape == (degrees, dim)
    rank = min(rows, dim, degrees)
    torch.testing.assert_close(basis[:rank] @ basis[:rank].T, torch.eye(rank), atol=1e-4, rtol=0)
    assert not basis[rank:].any()
    unit = torch.nn.functional.normalize(components, dim=-1)
    best = torch.linalg.svdvals(unit)[:rank].square().sum()
    torch.testing.assert_close((unit @ basis.T).square().sum(), best, rtol=1e-3, atol=1e-3)


def test_directions_follow_how_often_components_were_seen():
    counts = torch.tensor([1, 100, 1, 10_000])
    basis = principal_directions(torch.eye(4), 2, counts)
    torch.testing.assert_close(basis.abs(), torch.eye(4)[[3, 1]], atol=1e-4, rtol=0)


def test_lifted_queries_decode_to_the_features(toy, toy_store, toy_views, bank):
    projection = principal_directions(bank.components, 8)
    lifted = lift_queries(toy.gaussians, toy_views, toy_store, projection)
    assert distance(toy.gaussians, toy_views, toy_store, lifted, bank) < 0.1
    assert lifted.reliability.min() >= 0
    assert lifted.reliability.max() <= 1
    far = toy.gaussians.means.norm(dim=-1) > 0.7  # table corners that some views do not show
    assert lifted.reliability[~far].median() > 0.9


def test_gaussians_finer_than_a_cell_have_the_feature_of_their_cell():
    x, y = (a.ravel() for a in np.meshgrid(np.arange(-79, 80, 2.5), np.arange(-59, 60, 2.5)))
    means = torch.from_numpy(np.stack([x / 1e3, y / 1e3, np.ones_like(x)], 1)).float()
    n = len(means)
    scales = torch.tensor([0.0018, 0.0018, 0.0004]).log().repeat(n, 1)
    quats, colors = torch.eye(4)[:1].repeat(n, 1), torch.zeros(n, 1, 3)
    gaussians = Gaussians(
        means, quats, scales, torch.full((n,), 0.8).logit(), colors, colors[:, :0]
    )
    view = View(np.eye(4), np.array([[50.0, 0, 4], [0, 50, 3], [0, 0, 1]]), 8, 6)  # 2 cm a cell
    left = torch.arange(8).expand(6, 8) < 4
    store = FeatureStore()
    store.append(torch.stack([left, ~left], -1).float().numpy(), np.ones((6, 8), bool))
    lifted = lift_queries(gaussians, [view], store, torch.eye(2))
    inside = means[:, 0].abs() > 0.006
    own = torch.where(means[:, 0] < 0, lifted.queries[:, 0], lifted.queries[:, 1])
    assert own[inside].min() > 0.99
    shown = render_queries(gaussians, lifted.queries, view, (8, 6))
    assert shown.shape == (6, 8, 2)
    assert shown[:, 3, 0].min() > 0.8
    assert shown[:, 3, 1].max() < 0.1


def test_training_improves_and_beats_frozen_random(toy, toy_store, toy_views, bank):
    decode = attention_decoder(bank.components)
    projection = principal_directions(bank.components, 4)
    lifted = lift_queries(toy.gaussians, toy_views, toy_store, projection)
    scene = (toy.gaussians, toy_views, toy_store)
    trained = refine(*scene, lifted, decode, steps=40)
    generator = torch.Generator().manual_seed(0)
    random = PrincipalQueries(
        0.1 * torch.randn(len(toy.gaussians), 4, generator=generator),
        torch.randn(4, 24, generator=generator),
        lifted.reliability,
        lifted.temperature,
    )
    frozen = refine(*scene, random, decode, steps=40, learn_decoder=False)
    assert torch.equal(frozen.projection, random.projection)
    torch.testing.assert_close(frozen.temperature, random.temperature)
    assert not torch.equal(trained.projection, lifted.projection)
    assert 0.01 < trained.temperature != lifted.temperature
    errors = [distance(*scene, queries, bank) for queries in (trained, lifted, frozen)]
    assert errors[0] < errors[1]
    assert errors[0] < errors[2]


def test_rates_fall_to_zero(toy, toy_store, toy_views, bank):
    decode, seen = attention_decoder(bank.components), []
    lifted = lift_queries(
        toy.gaussians, toy_views, toy_store, principal_directions(bank.components, 4)
    )

    def watched(queries, projection, temperature):
        seen.append(projection.detach().clone())
        return decode(queries, projection, temperature)

    done = refine(toy.gaussians, toy_views, toy_store, lifted, watched, steps=20)
    steps = [float((b - a).norm()) for a, b in pairwise([*seen, done.projection])]
    assert steps[-1] < 0.1 * steps[0]


def test_training_repeats(toy, toy_store, toy_views, bank):
    scene = (toy.gaussians, toy_views, toy_store)
    lifted = lift_queries(*scene, principal_directions(bank.components, 4))
    decode = attention_decoder(bank.components)
    one, two = (refine(*scene, lifted, decode, steps=3, seed=5) for _ in range(2))
    torch.testing.assert_close(one.queries, two.queries, atol=1e-5, rtol=1e-3)
    none = refine(*scene, lifted, decode, steps=0)
    assert torch.equal(none.queries, lifted.queries)


def test_the_loss_does_not_depend_on_the_models_scale():
    features, target = torch.randn(2, 10, 6, generator=torch.Generator().manual_seed(0))
    assert point_loss(target, target) < 1e-6
    torch.testing.assert_close(point_loss(features, target), point_loss(7 * features, 7 * target))
