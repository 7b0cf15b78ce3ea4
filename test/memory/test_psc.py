"""Algorithm 1 against the double loop of the paper; the guarantee of the cover."""

import pytest
import torch

from m3_ros.config import MemoryConfig
from m3_ros.memory.psc import MemoryBank
from m3_ros.memory.reduction import similarity_reduction


def double_loop(features, threshold):
    """Algorithm 1 as the paper states it, one pair at a time."""
    unit = torch.nn.functional.normalize(features.float(), dim=-1)
    used, kept = [False] * len(unit), []
    for i in range(len(unit)):
        if used[i]:
            continue
        neighbours = [j for j in range(len(unit)) if float(unit[i] @ unit[j]) >= threshold]
        if not any(used[j] for j in neighbours):
            kept.append(i)
        for j in neighbours:
            used[j] = True
    return kept


def clustered(n, dim, clusters, noise, seed):
    generator = torch.Generator().manual_seed(seed)
    centres = torch.randn(clusters, dim, generator=generator)
    member = torch.randint(clusters, (n,), generator=generator)
    return centres[member] * 3 + noise * torch.randn(n, dim, generator=generator)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("threshold", [0.3, 0.6, 0.85])
@pytest.mark.parametrize("chunk_size", [1, 7, 40, 5000])
def test_reduction_equals_the_double_loop(seed, threshold, chunk_size):
    features = clustered(60, 8, 9, 1.5, seed)
    kept = similarity_reduction(features, threshold, chunk_size)
    assert kept.tolist() == double_loop(features, threshold)


@pytest.mark.parametrize("threshold", [0.5, 1.0])
@pytest.mark.parametrize("chunk_size", [1, 3, 5000])
def test_reduction_of_duplicates_zeros_and_half_precision(threshold, chunk_size):
    """A zero row is near nothing, not even itself: it is kept, as often as it comes."""
    rows = torch.eye(4)[[0, 1, 0, 2, 2, 3, 1]]
    rows[5] = 0
    expected = double_loop(rows, threshold)
    assert expected == [0, 1, 3, 5]
    for features in (rows, 7 * rows, rows.half()):
        assert similarity_reduction(features, threshold, chunk_size).tolist() == expected
    assert similarity_reduction(rows[:0], threshold, chunk_size).tolist() == []


def test_reduction_is_no_cover_and_the_bank_is():
    """b is near a and c, c is not near a: Algorithm 1 drops c's only representative."""
    angles = torch.deg2rad(torch.tensor([0.0, 50.0, 25.0, 75.0]))
    features = torch.stack([angles.cos(), angles.sin()], -1)[[2, 0, 3, 1]]
    threshold = float(torch.cos(torch.deg2rad(torch.tensor(30.0))))
    kept = similarity_reduction(features, threshold)
    assert (features @ features[kept].T).amax(1).min() < threshold
    bank = MemoryBank(2, threshold)
    bank.add(features)
    assert (features @ bank.components.T).amax(1).min() >= threshold


@pytest.mark.parametrize(
    ("features", "chunk_size", "name"),
    [
        (torch.full((3, 2), float("nan")), 10, "features"),
        (torch.zeros(3), 10, "features"),
        (torch.ones(3, 2), 0, "chunk_size"),
    ],
)
def test_reduction_refuses(features, chunk_size, name):
    with pytest.raises(ValueError, match=name):
        similarity_reduction(features, 0.8, chunk_size)


def lacking(features, bank):
    """Rows without a component within the threshold."""
    unit = torch.nn.functional.normalize(features.float(), dim=-1)
    components = torch.nn.functional.normalize(bank.components, dim=-1)
    return int(((unit @ components.T).amax(1) < bank.threshold - 1e-5).sum())


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("threshold", [-0.2, 0.5, 0.8, 1.0])
def test_every_row_is_covered_while_there_is_room(seed, threshold):
    bank = MemoryBank(16, threshold, 4096)
    features = clustered(900, 16, 30, 1.0, seed)
    for frame, part in enumerate(features.split(100)):
        bank.add(part, frame)
        assert bank.uncovered == 0
    assert lacking(features, bank) == 0
    assert bank.rows == int(bank.counts.sum()) == 900
    if threshold < 0.9:
        assert len(bank) < 900


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("size", [1, 2, 12, 40])
def test_a_full_bank_bounds_the_uncovered_rows(seed, size):
    bank = MemoryBank(8, 0.8, size)
    features = clustered(600, 8, 50, 1.0, seed)
    for part in features.split(70):
        bank.add(part)
        assert len(bank) <= size
    assert lacking(features, bank) <= bank.uncovered <= 600
    assert int(bank.counts.sum()) == bank.rows == 600


def test_a_full_bank_makes_room_for_later_clusters():
    """Merging frees room: two tight late clusters get components of their own."""
    bank = MemoryBank(4, 0.999, 8)
    early = torch.eye(4)[0] + 0.1 * torch.randn(50, 4, generator=torch.Generator().manual_seed(0))
    bank.add(early)
    bank.add(torch.eye(4)[1:3])
    assert (torch.eye(4)[1:3] @ torch.nn.functional.normalize(bank.components).T).amax(1).min() > (
        0.999
    )


def test_duplicates_share_a_component_even_at_threshold_one():
    row = torch.randn(1, 768, generator=torch.Generator().manual_seed(1))
    bank = MemoryBank(768, 1.0)
    bank.add(row.repeat(10, 1))
    bank.add(2 * row)
    assert len(bank) == 1
    assert bank.counts.tolist() == [11]


def test_zero_nan_and_half_precision_rows():
    features = torch.tensor([[0, 0], [float("nan"), 1], [1, 0], [float("inf"), 1], [0, 1]])
    bank = MemoryBank(2, 0.9)
    bank.add(features.half())
    assert bank.skipped == 3
    assert torch.equal(bank.components, torch.eye(2))


def test_components_are_raw_rows_that_remember_their_origin():
    features = 5 * torch.eye(3)
    bank = MemoryBank(3, 0.9)
    bank.add(features[:1], 4, torch.tensor([[1, 2]]))
    bank.add(features[1:], 7, torch.tensor([[3, 4], [5, 6]]))
    assert torch.equal(bank.components, features)
    assert bank.origins.tolist() == [[4, 1, 2], [7, 3, 4], [7, 5, 6]]


def test_components_are_kept_in_half_precision():
    features = clustered(40, 8, 40, 1.0, 0)
    features[0] = 1e9
    bank = MemoryBank(8, 0.999)
    bank.add(features)
    expected = features.clamp(-65504, 65504).half().float()
    assert torch.equal(bank.components, expected)
    assert bank.size_bytes == 2 * 40 * 8
    assert bank.state()["components"].dtype == torch.float16


def test_the_papers_six_models_fit_in_64_mb():
    dims = {
        "CLIP": 768,
        "SigLIP": 1152,
        "DINOv2": 1536,
        "SEEM": 512,
        "LLaMA": 4096,
        "LLaMAv": 4096,
    }
    assert 2 * MemoryConfig().max_components * sum(dims.values()) <= 64e6


def test_a_restored_bank_continues_like_the_original():
    first, second = clustered(400, 8, 40, 1.0, 3).split(200)
    original = MemoryBank(8, 0.8, 25)
    original.add(first)
    other = MemoryBank.restore(original.state(), 0.8)
    original.add(second)
    other.add(second)
    assert torch.equal(original.components, other.components)
    assert (original.uncovered, original.rows) == (other.uncovered, other.rows)


def test_the_bank_refuses():
    for arguments, name in (((0, 0.5), "dim"), ((3, 1.5), "threshold"), ((3, 0.5, 0), "max_")):
        with pytest.raises(ValueError, match=name):
            MemoryBank(*arguments)
    with pytest.raises(ValueError, match="features"):
        MemoryBank(3, 0.5).add(torch.ones(2, 4))
    with pytest.raises(ValueError, match="pixels"):
        MemoryBank(3, 0.5).add(torch.ones(2, 3), 0, torch.zeros(1, 2))
