"""Normals of Gaussians: along the surface they lie on, towards the camera."""

import numpy as np
import torch

from m3_ros.config import SplatConfig
from m3_ros.geometry import backproject, inverse, look_at
from m3_ros.splat import fit
from m3_ros.splat.initialization import Points, gaussians_from_points
from m3_ros.splat.normals import normals, render_normals

K = np.array([[60.0, 0, 40], [0, 60.0, 30], [0, 0, 1]])


def plane(normal, count=40):
    """Gaussians on a plane through the origin, and its unit normal."""
    normal = np.asarray(normal) / np.linalg.norm(normal)
    _, _, basis = np.linalg.svd(normal[None])
    steps = np.linspace(-0.3, 0.3, count)
    grid = np.stack(np.meshgrid(steps, steps), -1).reshape(-1, 2) @ basis[1:]
    ones = np.ones(len(grid))
    points = Points(grid, np.tile(normal, (len(grid), 1)), np.full((len(grid), 3), 0.5), ones)
    return gaussians_from_points(points, 0.02, SplatConfig(sh_degree=0), 0.95), normal


def view(eye):
    camtoworld = look_at(eye, [0, 0, 0])
    return torch.from_numpy(inverse(camtoworld)).float()[None], torch.from_numpy(K).float()[None]


def test_the_normals_of_a_plane_face_the_camera():
    gaussians, normal = plane([0.3, -0.2, 0.9])
    for eye, side in (([0.1, 0.2, 0.8], 1), ([0.1, 0.2, -0.8], -1)):
        viewmats, Ks = view(eye)
        image = render_normals(gaussians, viewmats, Ks, 80, 60)[0]
        middle = image[20:40, 25:55].reshape(-1, 3).numpy()
        np.testing.assert_allclose(middle, np.tile(side * normal, (len(middle), 1)), atol=1e-4)


def test_normals_are_the_shortest_axes_under_any_rotation():
    gaussians, _ = plane([0, 0, 1.0], count=6)
    quats = torch.randn(len(gaussians), 4, generator=torch.Generator().manual_seed(0))
    scales = torch.tensor([[-2.0, -5.0, -1.0]]).expand(len(gaussians), 3)
    turned = type(gaussians)(**gaussians.tensors | {"quats": quats, "scales": scales})
    found = normals(turned, view([0.1, 0.2, 0.8])[0])[0]
    w, x, y, z = torch.nn.functional.normalize(quats, dim=-1).unbind(-1)
    middle = torch.stack([2 * (x * y - w * z), 1 - 2 * (x * x + z * z), 2 * (y * z + w * x)], -1)
    torch.testing.assert_close((found * middle).sum(-1).abs(), torch.ones(len(found)))


def test_nothing_has_no_normal():
    gaussians, _ = plane([0, 0, 1.0])
    behind = torch.linalg.inv(view([0, 0.01, 0.8])[0][0])
    behind[:3, 3] += torch.tensor([5.0, 0, 0])
    image = render_normals(gaussians, torch.linalg.inv(behind)[None], view([0, 0.1, 1])[1], 80, 60)
    assert not image.any()


def test_a_fitted_table_has_the_table_s_normals(table_frames):
    config = SplatConfig(voxel_size=0.008, max_iterations=80, refine_poses=False)
    result, frame = fit(table_frames, config), table_frames[4]
    viewmats = torch.from_numpy(inverse(frame.camtoworld)).float()[None]
    Ks = torch.from_numpy(frame.K).float()[None]
    image = render_normals(result.gaussians, viewmats, Ks, frame.width, frame.height)[0].numpy()
    world = backproject(frame.depth.astype(np.float64), frame.K) @ frame.camtoworld[:3, :3].T
    truth = np.cross(np.gradient(world, axis=0), np.gradient(world, axis=1))
    truth /= np.linalg.norm(truth, axis=-1, keepdims=True)
    degrees = np.degrees(np.arccos(np.abs((image * truth).sum(-1)).clip(0, 1)))
    assert np.median(degrees) < 6
