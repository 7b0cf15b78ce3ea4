"""Files of Gaussians: round trip, layout, and refusal of broken ones."""

import pytest
import torch
import trimesh

from m3_ros.splat import Gaussians, load_ply, save_ply


def make(n=7, rest=8):
    rng = torch.Generator().manual_seed(0)
    sizes = {"means": (3,), "quats": (4,), "scales": (3,), "opacities": (), "sh0": (1, 3)}
    sizes["shN"] = (rest, 3)
    return Gaussians(**{k: torch.randn(n, *size, generator=rng) for k, size in sizes.items()})


@pytest.mark.parametrize("rest", [0, 3, 8, 15])
@pytest.mark.parametrize("n", [0, 7])
def test_round_trip_is_exact(tmp_path, n, rest):
    gaussians = make(n, rest)
    save_ply(tmp_path / "g.ply", gaussians)
    loaded = load_ply(tmp_path / "g.ply")
    for name, x in gaussians.tensors.items():
        assert torch.equal(loaded.tensors[name], x), name
    assert list(tmp_path.iterdir()) == [tmp_path / "g.ply"]


def test_other_readers_find_the_standard_layout(tmp_path):
    gaussians = make(5, 3)
    save_ply(tmp_path / "g.ply", gaussians)
    cloud = trimesh.load(tmp_path / "g.ply")
    assert torch.allclose(torch.tensor(cloud.vertices).float(), gaussians.means)
    data = cloud.metadata["_ply_raw"]["vertex"]["data"]
    # channel by channel: red's coefficients first
    assert data["f_rest_1"][2].item() == gaussians.shN[2, 1, 0].item()
    assert data["f_rest_3"][2].item() == gaussians.shN[2, 0, 1].item()
    assert data["rot_0"][4].item() == gaussians.quats[4, 0].item()


def test_broken_files_are_refused(tmp_path):
    path = tmp_path / "g.ply"
    save_ply(path, make())
    whole = path.read_bytes()
    path.write_bytes(whole[:-10])
    with pytest.raises(ValueError, match="truncated"):
        load_ply(path)
    path.write_bytes(b"solid cube")
    with pytest.raises(ValueError, match="not a ply"):
        load_ply(path)
    path.write_bytes(whole.replace(b"rot_3", b"rot_9"))
    with pytest.raises(ValueError, match="no property rot_3"):
        load_ply(path)
    gaussians = make()
    gaussians.scales[3, 1] = torch.nan
    save_ply(path, gaussians)
    with pytest.raises(ValueError, match="scale_1 of Gaussian 3 is nan"):
        load_ply(path)
