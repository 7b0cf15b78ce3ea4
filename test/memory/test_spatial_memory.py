"""Renders, features, similarity and traces of a memory."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from m3_ros.geometry import backproject
from m3_ros.memory.attention import gaussian_memory_attention
from m3_ros.memory.spatial_memory import SpatialMemory


def pose(toy, index=0):
    frame = toy.frames[index]
    return frame.camtoworld, frame.K, (frame.width, frame.height)


def test_rgb_and_depth_are_the_frames(toy, toy_memory):
    frame = toy.frames[0]
    rgb = toy_memory.render(*pose(toy), "rgb")
    assert np.abs(rgb - frame.rgb / 255.0).max() < 0.01
    depth = toy_memory.render(*pose(toy), "depth")
    both = (depth > 0) & (frame.depth > 0)
    assert both.mean() > 0.5
    assert np.abs(depth - frame.depth)[both].max() < 1e-3


def test_normals_are_of_unit_length_and_face_the_camera(toy, toy_memory):
    camtoworld, K, size = pose(toy)
    normals = toy_memory.render(camtoworld, K, size, "normals")
    shown = toy_memory.render(camtoworld, K, size, "depth") > 0
    np.testing.assert_allclose(np.linalg.norm(normals[shown], axis=-1), 1.0, atol=1e-5)
    rays = backproject(np.ones(shown.shape), K) @ camtoworld[:3, :3].T
    assert ((normals * rays).sum(-1)[shown] < 0).mean() > 0.99


def test_features_are_decoded_in_the_models_space(toy, toy_memory):
    features = toy_memory.render(*pose(toy)[:2], (160, 120), "features")
    assert features.shape == (120, 160, 24)
    target = toy.model.extract(toy.frames[0].rgb)
    cosine = torch.cosine_similarity(
        torch.from_numpy(features[1::2, 1::2]), torch.from_numpy(target.features), dim=-1
    )
    assert cosine[torch.from_numpy(target.valid)].median() > 0.95
    picture = toy_memory.render(*pose(toy), "pca")
    assert picture.shape == (120, 160, 3)
    assert 0 <= picture.min() < picture.max() <= 1


def test_a_text_query_is_located_in_3d_and_in_an_image(toy, toy_memory):
    for color in ("red", "blue"):
        found = toy_memory.query(f"{color} box", toy.model, count=50)
        assert found.values.shape == (len(toy.gaussians),)
        assert 0 <= found.values.min() <= found.values.max() <= 1 + 1e-5
        offset = found.positions[:, :2].mean(0) - torch.tensor(toy.places[color])
        assert offset.abs().max() < 0.02
        assert found.values[found.best[0]] > 0.9
    heat = toy_memory.render_values(found.values[:, None], *pose(toy))[..., 0]
    pixel = np.unravel_index(heat.argmax(), heat.shape)
    assert toy.frames[0].rgb[pixel].argmax() == 2
    other = SimpleNamespace(name="color", digest="other")
    with pytest.raises(ValueError, match="build the memory again"):
        toy_memory.query("red", other)


def test_similarity_is_highest_on_the_named_box(toy, toy_memory):
    scores = toy_memory.similarity("color", toy.model.encode_text(["red box", "blue box"]))
    assert scores.shape == (len(toy.gaussians), 2)
    for column, color in enumerate(("red", "blue")):
        best = toy.gaussians.means[scores[:, column].topk(50).indices]
        offset = best[:, :2].mean(0) - torch.tensor(toy.places[color])
        assert offset.abs().max() < 0.02


def test_similarity_is_that_of_decoded_unit_components(toy, toy_memory):
    text, model = toy.model.encode_text(["yellow"]), toy_memory.model("color")
    unit = torch.nn.functional.normalize(model.bank.components, dim=-1)
    decoded = gaussian_memory_attention(model.queries, model.projection, unit)
    expected = decoded @ torch.from_numpy(text).T
    torch.testing.assert_close(
        toy_memory.similarity("color", text), expected, atol=1e-5, rtol=1e-4
    )


def test_a_pixels_trace_leads_to_cells_of_its_colour(toy, toy_memory):
    depth = toy_memory.render(*pose(toy), "depth")
    values = toy_memory.similarity("color", toy.model.encode_text(["green"]))
    heat = toy_memory.render_values(values, *pose(toy))[..., 0]
    pixel = np.unravel_index(heat.argmax(), heat.shape)
    assert depth[pixel] > 0
    traces = toy_memory.trace("color", *pose(toy)[:2], pixel, count=3)
    assert sum(trace.weight for trace in traces) <= 1 + 1e-5
    assert traces[0].weight >= traces[-1].weight
    first = traces[0]
    cell = toy.frames[first.frame].rgb[2 * first.row, 2 * first.column]
    assert cell.argmax() == 1


def test_errors_name_the_unknown(toy, toy_memory):
    with pytest.raises(ValueError, match="what = 'smell'"):
        toy_memory.render(*pose(toy), "smell")
    with pytest.raises(ValueError, match="'clip' is not in this memory"):
        toy_memory.features("clip")
    with pytest.raises(ValueError, match="queries has"):
        SpatialMemory(toy.gaussians.select(torch.arange(5)), toy_memory.models, toy_memory.views)
