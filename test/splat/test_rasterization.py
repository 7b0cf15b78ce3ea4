"""Rasterization against the dense float64 reference, and its behaviour at the edges."""

import math

import pytest
import torch

from m3_ros.splat import rasterization
from m3_ros.splat.reference import reference_rasterization

NAMES = ("means", "quats", "scales", "opacities", "colors", "viewmats", "Ks", "backgrounds")


def make_scene(seed, n=60, channels=3, views=1, size=(70, 45), background=False):
    """Random Gaussians before `views` slightly different cameras, float64."""
    rng = torch.Generator().manual_seed(seed)

    def uniform(*shape, low=0.0, high=1.0):
        return torch.rand(*shape, generator=rng, dtype=torch.float64) * (high - low) + low

    width, height = size
    angle = torch.linspace(-0.2, 0.2, views, dtype=torch.float64)
    viewmats = torch.eye(4, dtype=torch.float64).repeat(views, 1, 1)
    viewmats[:, 0, 0] = viewmats[:, 2, 2] = angle.cos()
    viewmats[:, 0, 2], viewmats[:, 2, 0] = angle.sin(), -angle.sin()
    K = [[width * 0.9, 0, width / 2 + 1.3], [0, width * 0.85, height / 2 - 2.1], [0, 0, 1]]
    scene = {
        "means": torch.cat([uniform(n, 2, low=-1.5, high=1.5), uniform(n, 1, low=1, high=4)], 1),
        "quats": uniform(n, 4, low=-1, high=1),
        "scales": torch.exp(uniform(n, 3, low=-4.5, high=-1.5)),
        "opacities": uniform(n, low=0.02, high=0.98),
        "colors": uniform(n, channels, low=-1, high=1),
        "viewmats": viewmats,
        "Ks": torch.tensor([K] * views, dtype=torch.float64),
    }
    if background:
        scene["backgrounds"] = uniform(views, channels)
    return scene, size


def compare(scene, size, *, seed=0, forward=1e-5, relative=1e-4, device="cpu", **options):
    """Renders both ways with a random cotangent; asserts values and all gradients agree."""
    exact = {k: v.double().clone().requires_grad_() for k, v in scene.items()}
    fast = {k: v.float().clone().to(device).requires_grad_() for k, v in scene.items()}
    expected, expected_alpha, margin = reference_rasterization(*pack(exact, size), **rest(exact),
                                                               **options)  # fmt: skip
    render, alpha, _ = rasterization(*pack(fast, size), **rest(fast), **options)
    render, alpha = render.cpu(), alpha.cpu()
    # A pixel whose decision hangs on rounding proves nothing in either direction.
    decided = (margin > 2e-5)[..., None]
    assert decided.float().mean() > 0.97
    scale = max(1.0, expected.abs().max().item())
    assert render.shape == expected.shape
    assert ((render - expected).abs() * decided).max() < forward * scale
    assert ((alpha - expected_alpha).abs() * decided).max() < forward

    rng = torch.Generator().manual_seed(seed)
    cotangent = torch.randn(expected.shape, generator=rng, dtype=torch.float64) * decided
    cotangent_alpha = torch.randn(alpha.shape, generator=rng, dtype=torch.float64) * decided
    ((expected * cotangent).sum() + (expected_alpha * cotangent_alpha).sum()).backward()
    ((render * cotangent.float()).sum() + (alpha * cotangent_alpha.float()).sum()).backward()
    for name in scene:
        want, got = exact[name].grad, fast[name].grad
        if want is None:  # colours where only depth is drawn
            assert got is None or not got.any()
            continue
        if name == "Ks" and device == "cuda":  # gsplat has none
            continue
        got = got.cpu()
        assert torch.isfinite(got).all(), name
        error = (got - want).norm() / want.norm().clamp_min(1e-12)
        assert error < relative, f"{name}: relative gradient error {error:.2e}"
    return render.detach(), alpha.detach()


def pack(scene, size):
    return *(scene[name] for name in NAMES[:7]), *size


def rest(scene):
    return {"backgrounds": scene["backgrounds"]} if "backgrounds" in scene else {}


@pytest.mark.parametrize("channels", [1, 3, 4, 20, 52, 512])
def test_matches_reference_for_any_channels(channels):
    compare(*make_scene(channels, channels=channels, background=True))


@pytest.mark.parametrize("mode", ["RGB", "D", "ED", "RGB+D", "RGB+ED"])
def test_matches_reference_in_every_mode(mode):
    scene, size = make_scene(3, views=3, background=True)
    compare(scene, size, render_mode=mode)


@pytest.mark.parametrize("seed", range(8))
def test_matches_reference_on_random_scenes(seed):
    compare(*make_scene(100 + seed, n=400, size=(96, 64), views=2))


def test_many_gaussians_in_one_tile_cross_segments():
    scene, _ = make_scene(7, n=1200)
    scene["opacities"] *= 0.03
    scene["means"][:, :2] *= 0.2
    compare(scene, (32, 32))


@pytest.mark.parametrize("degree", [0, 1, 2, 3])
def test_spherical_harmonics_match_reference(degree):
    scene, size = make_scene(11, views=2)
    scene["colors"] = torch.randn(60, 16, 3, dtype=torch.float64) * 0.3
    compare(scene, size, sh_degree=degree)


def test_colors_for_each_view():
    scene, size = make_scene(12, views=3)
    scene["colors"] = torch.rand(3, 60, 5, dtype=torch.float64)
    compare(scene, size)


def test_behind_camera_and_beyond_far_plane():
    scene, size = make_scene(5, n=90)
    scene["means"][:30, 2] *= -1
    scene["means"][30:60, 2] += 100
    compare(scene, size, far_plane=50.0)


def test_tiny_and_huge():
    scene, size = make_scene(6, n=80)
    scene["scales"][:30] = 1e-7
    scene["scales"][30:40] = 50.0
    scene["opacities"][30:40] = 0.05
    compare(scene, size)


def test_thin_needles():
    scene, size = make_scene(8, n=80)
    scene["scales"][:, 0] = 0.5
    scene["scales"][:, 1:] *= 0.01
    compare(scene, size)


def test_outside_the_field_of_view_clamps_the_jacobian():
    scene, size = make_scene(9, n=80)
    scene["means"][:, 0] *= 3
    scene["scales"] += 0.5
    compare(scene, size)


def test_nearly_opaque():
    scene, size = make_scene(10, n=100)
    scene["opacities"][:] = 0.99999
    scene["scales"] += 0.1
    compare(scene, size)


def test_one_gaussian():
    scene, size = make_scene(1, n=1)
    scene["means"][0] = torch.tensor([0.1, -0.1, 2.0])
    _, alpha = compare(scene, size)
    assert alpha.max() > 0.01


def test_no_gaussians():
    scene, size = make_scene(1, n=0, background=True)
    render, alpha, _ = rasterization(*pack(scene, size), **rest(scene))
    assert torch.equal(render[0, 3, 4], scene["backgrounds"][0].double().float().double())
    assert not alpha.any()


def test_empty_view_has_zero_gradients():
    scene, size = make_scene(2)
    scene["means"][:, 2] = -1
    scene = {k: v.requires_grad_() for k, v in scene.items()}
    render, alpha, info = rasterization(*pack(scene, size), render_mode="RGB+ED")
    (render.sum() + alpha.sum()).backward()
    assert not render.any() and not info["radii"].any()
    assert all(not x.grad.any() for x in scene.values())


def test_non_contiguous_and_float64_inputs():
    scene, size = make_scene(4, channels=6)
    want, _, _ = rasterization(*pack(scene, size))
    strided = {k: v.transpose(0, -1).contiguous().transpose(0, -1) for k, v in scene.items()}
    assert not strided["means"].is_contiguous()
    strided["means"].requires_grad_()
    got, _, _ = rasterization(*pack(strided, size))
    assert got.dtype == torch.float64
    assert torch.equal(got, want)
    got.sum().backward()
    assert strided["means"].grad.dtype == torch.float64


def test_result_does_not_depend_on_the_number_of_threads():
    scene, size = make_scene(13, n=500)
    threads = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        one, _, _ = rasterization(*pack(scene, size))
        torch.set_num_threads(3)
        three, _, _ = rasterization(*pack(scene, size))
    finally:
        torch.set_num_threads(threads)
    assert torch.equal(one, three)


def test_floating_point_mode_is_untouched():
    scene, size = make_scene(1)
    rasterization(*pack(scene, size))
    assert 5e-324 * 1.0 > 0, "subnormal numbers were flushed to zero"
    assert torch.tensor(1e-40).mul(1.0) > 0


def test_gradient_of_means2d_is_kept_for_densification():
    scene, size = make_scene(1)
    scene["means"].requires_grad_()
    render, _, info = rasterization(*pack(scene, size))
    info["means2d"].retain_grad()
    render.square().sum().backward()
    assert info["means2d"].grad.shape == (1, 60, 2) and info["means2d"].grad.any()
    assert (info["width"], info["height"], info["n_cameras"]) == (*size, 1)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"means": torch.zeros(3)}, r"means must be a tensor of shape \[N, 3\], got \[3\]"),
        ({"quats": torch.zeros(60, 3)}, r"quats must have shape \[60, 4\], got \[60, 3\]"),
        ({"quats": torch.zeros(60, 4)}, r"quats must not have zero length.*quats\[0\]"),
        ({"scales": torch.full((60, 3), math.nan)}, r"scales must be finite.*\[0, 0\] is nan"),
        ({"opacities": torch.full((60,), math.inf)}, r"opacities must be finite.*is inf"),
        (
            {"opacities": torch.ones(60, dtype=torch.int64)},
            "opacities must be dense and floating point",
        ),
        ({"colors": torch.ones(60, 513)}, "1 to 512 channels, got 513"),
        ({"colors": torch.ones(59, 3)}, r"colors must have shape .*got \[59, 3\]"),
        ({"viewmats": torch.eye(4)}, r"viewmats must be a tensor of shape \[B, 4, 4\]"),
        ({"Ks": torch.eye(4)[None]}, r"Ks must have shape \[1, 3, 3\], got \[1, 4, 4\]"),
        ({"Ks": torch.zeros(1, 3, 3)}, "Ks must have positive focal lengths"),
        ({"backgrounds": torch.ones(3)}, r"backgrounds must have shape .*got \[3\]"),
        ({"colors": torch.ones(60, 3, device="meta")}, "colors"),
    ],
)
def test_bad_input_is_refused_by_name(change, message):
    scene, size = make_scene(1)
    scene |= change
    with pytest.raises(ValueError, match=message):
        rasterization(*pack(scene, size), **rest(scene))


def test_bad_options_are_refused_by_name():
    scene, size = make_scene(1)
    for options, message in (
        ({"render_mode": "XYZ"}, "render_mode must be one of"),
        ({"near_plane": -1.0}, "near_plane"),
        ({"sh_degree": 4}, "sh_degree must be an integer from 0 to 3"),
    ):
        with pytest.raises(ValueError, match=message):
            rasterization(*pack(scene, size), **options)
    with pytest.raises(ValueError, match="width must be an integer"):
        rasterization(*pack(scene, (0, 10)))


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device to run gsplat on")
@pytest.mark.parametrize("channels", [1, 3, 20, 52])
@pytest.mark.parametrize("mode", ["RGB", "RGB+ED"])
def test_gsplat_on_a_gpu_draws_the_same(channels, mode):
    scene, size = make_scene(5, channels=channels, views=2, background=True)
    compare(scene, size, render_mode=mode, device="cuda")
