"""Thresholds of appearance that are relative to the features of a scan."""

import numpy as np
import pytest
import torch

from m3_ros.memory.psc import MemoryBank
from m3_ros.memory.separation import appearance_angle, suited


def things(count, common, dim=64):
    """Unit features of so many things with a mean cosine of `common`."""
    own = np.random.default_rng(1).standard_normal((count, dim - 1))
    own *= np.sqrt(1 - common) / np.linalg.norm(own, axis=1, keepdims=True)
    return np.hstack([np.full((count, 1), np.sqrt(common)), own]).astype(np.float32)


@pytest.mark.parametrize("common", [0.0, 0.5, 0.8])
def test_two_that_share_a_component_are_nearer_than_different_things(common):
    rows = things(40, common)
    angle = appearance_angle(rows, 0.8)
    between = np.arccos((rows @ rows.T)[np.triu_indices(40, 1)])
    assert (between > 2 * angle).mean() > 0.9 and (between > 2.75 * angle).mean() > 0.5


def test_a_bank_that_is_fine_enough_stays_as_it_is():
    assert appearance_angle(things(40, 0.0), 0.94) == pytest.approx(np.arccos(0.94))
    bank = suited(MemoryBank(64, 0.94), torch.from_numpy(things(40, 0.0)))
    assert bank.threshold == pytest.approx(0.94, abs=1e-9)


def test_few_components_tell_nothing():
    assert appearance_angle(things(3, 0.8), 0.8) == pytest.approx(np.arccos(0.8))


def test_components_do_not_stand_for_different_things():
    """Half a thing and half a table is at .88 of the thing where both are at .54."""
    rows = torch.from_numpy(things(40, 0.54))
    bank = suited(MemoryBank(64, 0.8), rows)
    assert bank.threshold > 0.9
    bank.add(rows)
    assert suited(bank, rows) is bank  # once it has rows, it is kept
    mixed = torch.nn.functional.normalize(rows[0] + rows[1], dim=0)
    assert float(mixed @ rows[0]) < bank.threshold
