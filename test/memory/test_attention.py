"""Attention equals Eq. 2 written out, stays finite, and similarity equals the decoded result."""

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from m3_ros.memory.attention import (
    CHUNK_ELEMENTS,
    attention_weights,
    gaussian_memory_attention,
    read_values,
    similarity,
)


def problem(seed=0, n=50, s=6, t=20, d=32):
    generator = torch.Generator().manual_seed(seed)
    shapes = ((n, s), (s, d), (t, d), (3, d))
    return tuple(torch.randn(*shape, generator=generator) for shape in shapes)


def written_out(queries, projection, components, temperature):
    cosine = torch.nn.functional.cosine_similarity(
        (queries @ projection)[:, None], components[None], dim=-1
    )
    return torch.softmax(cosine / temperature, -1) @ components


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("temperature", [0.02, 0.05, 1.0])
def test_it_is_equation_two(seed, temperature):
    queries, projection, components, _ = problem(seed)
    expected = written_out(queries, projection, components, temperature)
    result = gaussian_memory_attention(queries, projection, components, temperature)
    torch.testing.assert_close(result, expected, atol=1e-4, rtol=1e-4)


def test_many_queries_give_the_results_of_few():
    queries, projection, components, _ = problem(n=40_000, t=500, d=8)  # more than one chunk
    result = gaussian_memory_attention(queries.reshape(4, -1, 6), projection, components)
    assert result.shape == (4, 10_000, 8)
    for rows in (slice(0, 50), slice(-50, None)):
        expected = written_out(queries[rows], projection, components, 0.05)
        torch.testing.assert_close(result.reshape(-1, 8)[rows], expected, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("top_k", [None, 4])
def test_memory_is_bounded(top_k):
    class Largest(TorchDispatchMode):
        elements = 0

        def __torch_dispatch__(self, function, types, args=(), kwargs=None):
            result = function(*args, **(kwargs or {}))
            for tensor in result if isinstance(result, tuple | list) else (result,):
                if isinstance(tensor, torch.Tensor):
                    self.elements = max(self.elements, tensor.numel())
            return result

    queries, projection, components, text = problem(n=40_000, t=500, d=8)
    with Largest() as largest:
        similarity(queries, projection, components, text, top_k=top_k)
    assert largest.elements <= CHUNK_ELEMENTS < 40_000 * 500


@pytest.mark.parametrize("top_k", [None, 1, 4, 20, 99])
def test_similarity_equals_that_of_the_decoded_result(top_k):
    queries, projection, components, text = problem()
    decoded = gaussian_memory_attention(queries, projection, components, top_k=top_k)
    result = similarity(queries, projection, components, text, top_k=top_k)
    torch.testing.assert_close(result, decoded @ text.T, atol=1e-4, rtol=1e-4)


def test_top_k_keeps_the_largest_weights():
    queries, projection, components, _ = problem()
    weights = attention_weights(queries, projection, components)
    sparse = read_values(queries, projection, components, torch.eye(20), top_k=3)
    assert ((sparse > 0).sum(-1) == 3).all()
    torch.testing.assert_close(sparse.sum(-1), torch.ones(50))
    assert torch.equal(sparse.argmax(-1), weights.argmax(-1))


@pytest.mark.parametrize("scale", [0.0, 1e-12, 1e12])
def test_weights_are_finite_and_sum_to_one(scale):
    queries, projection, components, _ = problem()
    queries = (scale * queries).requires_grad_()
    weights = attention_weights(queries, projection, components, 0.001)
    torch.testing.assert_close(weights.sum(-1), torch.ones(50))
    weights.square().sum().backward()
    assert torch.isfinite(queries.grad).all()


@pytest.mark.parametrize("top_k", [None, 3])
def test_queries_and_projection_get_gradients(top_k):
    queries, projection, components, _ = (tensor.double() for tensor in problem(n=3, t=5, d=8))
    queries.requires_grad_(), projection.requires_grad_()
    assert torch.autograd.gradcheck(
        lambda q, w: gaussian_memory_attention(q, w, components, 0.3, top_k),
        (queries, projection),
    )


def test_no_query_gives_no_feature():
    _, projection, components, _ = problem()
    assert gaussian_memory_attention(torch.zeros(0, 6), projection, components).shape == (0, 32)


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"queries": torch.ones(2, 5)}, "queries"),
        ({"components": torch.ones(4, 7)}, "components"),
        ({"components": torch.ones(0, 32)}, "components"),
        ({"temperature": 0.0}, "temperature"),
        ({"top_k": 0}, "top_k"),
        ({"text": torch.ones(1, 3)}, "text"),
    ],
)
def test_bad_arguments_are_named(change, name):
    queries, projection, components, text = problem()
    good = {
        "queries": queries,
        "projection": projection,
        "components": components,
        "text": text,
    }
    with pytest.raises(ValueError, match=name):
        similarity(**{**good, **change})
