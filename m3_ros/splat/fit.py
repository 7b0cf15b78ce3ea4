"""Fitting of Gaussians to posed RGB-D frames."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from m3_ros.capture.frame import Frame
from m3_ros.config import SplatConfig
from m3_ros.geometry import inverse, scale_intrinsics
from m3_ros.splat.gaussians import Gaussians
from m3_ros.splat.initialization import (
    concatenate,
    downsample,
    frame_points,
    gaussians_from_points,
)
from m3_ros.splat.loss import depth_loss, photometric_loss, psnr
from m3_ros.splat.optimizer import Adam
from m3_ros.splat.poses import Cameras

Progress = Callable[[float, str], None]  # fraction done 0..1, what is going on

LEARNING_RATES = {
    "means": 2e-4,
    "quats": 2e-3,
    "scales": 1e-2,
    "opacities": 5e-2,
    "sh0": 8e-3,
    "shN": 5e-4,
}
CAMERA_RATES = {"rotations": 1e-3, "translations": 1e-3, "exposures": 2e-3}
COARSE_SHARE = 0.6  # of the iterations run at half resolution
FINAL_RATE = 0.1  # learning rates decay to this share


@dataclass(frozen=True, eq=False)
class FitResult:
    """What a fit found.

    Attributes:
        gaussians: Outside any autograd graph.
        camtoworlds: Poses of all frames `[n, 4, 4]` float64, corrected where the fit does so.
        psnr_db: Mean PSNR of the frames kept from the fit (of all frames if none was).
        depth_error_m: Median absolute difference to their measured depth, m.
        test_frames: Indices of the frames kept from the fit.
        iterations: Steps taken.
        seconds: Time used.
    """

    gaussians: Gaussians
    camtoworlds: NDArray[np.float64]
    psnr_db: float
    depth_error_m: float
    test_frames: tuple[int, ...]
    iterations: int
    seconds: float


class View:
    """One frame as tensors at full and at half resolution."""

    def __init__(self, frame: Frame, device: str) -> None:
        rgb, depth = torch.from_numpy(frame.rgb), torch.from_numpy(frame.depth)
        half = frame.rgb[: frame.height // 2 * 2, : frame.width // 2 * 2]
        half = half.reshape(frame.height // 2, 2, frame.width // 2, 2, 3).astype(np.float32)
        K = torch.from_numpy(frame.K).float()
        K_half = torch.from_numpy(scale_intrinsics(frame.K, 0.5, 0.5)).float()
        half = torch.from_numpy(half.mean((1, 3))).round().byte()
        levels = [(rgb, depth, K), (half, depth[1::2, 1::2][: len(half)], K_half)]
        self.levels = [tuple(x.to(device).contiguous() for x in level) for level in levels]


def fit(
    frames: Sequence[Frame],
    config: SplatConfig | None = None,
    progress: Progress | None = None,
    device: str = "cpu",
) -> FitResult:
    """Fits Gaussians to posed RGB-D frames of a static scene.

    Args:
        frames: At least one with depth; poses may be off by about 1 cm and 1 degree.
        config: Budget, losses and what is refined.
        progress: Called now and then with the fraction done and a word on the state.
        device: Torch device of the fit.

    Returns:
        Gaussians, refined poses and how well they explain frames that were kept from the fit.

    Raises:
        ValueError: There are no frames, or none has depth.
    """
    fitter = Fitter(config or SplatConfig(), device)
    fitter.add(frames)
    fitter.run(progress)
    return fitter.result()


class Fitter:
    """A fit in progress: frames are added, steps run, the result is read, in any order."""

    def __init__(self, config: SplatConfig, device: str = "cpu") -> None:
        self.config, self.device = config, device
        self.views: list[View] = []
        self.iteration, self.seconds = 0, 0.0
        self.order = torch.Generator().manual_seed(config.seed)

    def add(self, frames: Sequence[Frame]) -> None:
        """Takes the frames in and places Gaussians on their depth."""
        start = time.perf_counter()
        if not frames:
            raise ValueError("frames must hold at least one frame, got none")
        config = self.config
        self.test_frames = held_out(len(frames), config.test_every)
        self.train_frames = [i for i in range(len(frames)) if i not in self.test_frames]
        self.views = [View(frame, self.device) for frame in frames]
        clouds = [
            downsample(frame_points(frames[i], config.voxel_size), config.voxel_size)
            for i in self.train_frames
        ]
        points = concatenate(clouds)
        if not len(points):
            raise ValueError(f"frames must have depth, but none of the {len(frames)} has any")
        voxel_size = config.voxel_size
        while len(sparse := downsample(points, voxel_size)) > config.max_gaussians:
            voxel_size *= 1.1
        gaussians = gaussians_from_points(sparse, voxel_size, config.sh_degree)
        self.params = {
            name: torch.nn.Parameter(x.to(self.device)) for name, x in gaussians.tensors.items()
        }
        viewmats = torch.from_numpy(np.stack([inverse(f.camtoworld) for f in frames])).float()
        self.cameras = Cameras(viewmats).to(self.device)
        self._make_optimizers()
        self.seconds += time.perf_counter() - start

    def _make_optimizers(self) -> None:
        self.optimizers = {name: Adam(x, LEARNING_RATES[name]) for name, x in self.params.items()}
        config = self.config
        refined = ["rotations", "translations"] * config.refine_poses
        refined += ["exposures"] * config.refine_exposure
        for name, parameter in self.cameras.named_parameters():
            parameter.requires_grad_(name in refined)
        self.optimizers |= {
            name: Adam(getattr(self.cameras, name), CAMERA_RATES[name]) for name in refined
        }
        self.rates = LEARNING_RATES | CAMERA_RATES

    @property
    def gaussians(self) -> Gaussians:
        """The Gaussians as they are now."""
        return Gaussians(**{name: x.detach() for name, x in self.params.items()})

    def run(self, progress: Progress | None = None) -> None:
        """Steps until the budget of iterations or seconds is used up."""
        start, before = time.perf_counter(), self.seconds
        queue: list[int] = []
        while (fraction := self._fraction()) < 1:
            if not queue:
                shuffled = torch.randperm(len(self.train_frames), generator=self.order)
                queue = [self.train_frames[k] for k in shuffled.tolist()]
            self.step(queue.pop(), fraction)
            self.seconds = before + time.perf_counter() - start
            if progress and self.iteration % 20 == 0:
                progress(fraction, f"iteration {self.iteration}, {len(self.gaussians)} Gaussians")

    def _fraction(self) -> float:
        """Used share of the budget."""
        config = self.config
        used = self.iteration / config.max_iterations if config.max_iterations else 1.0
        return max(used, self.seconds / config.max_seconds) if config.max_seconds else used

    def step(self, frame: int, fraction: float) -> Tensor:
        """One optimisation step on one frame, `fraction` of the way through the budget."""
        rgb, depth, K = self.views[frame].levels[1 if fraction < COARSE_SHARE else 0]
        height, width = depth.shape
        gaussians = Gaussians(**self.params)
        viewmat = self.cameras.viewmat(frame)
        render, alpha, _ = gaussians.render(viewmat[None], K[None], width, height)
        image = self.cameras.expose(frame, render[0, ..., :3])
        loss = photometric_loss(image, rgb / 255.0, self.config.ssim_weight)
        if self.config.depth_weight:
            error = depth_loss(render[0, ..., 3], depth, alpha[0, ..., 0])
            loss = loss + self.config.depth_weight * error
        loss.backward()
        decay = FINAL_RATE**fraction
        for name, optimizer in self.optimizers.items():
            optimizer.param_groups[0]["lr"] = self.rates[name] * decay
            optimizer.step()
            optimizer.zero_grad()
        self.iteration += 1
        return loss.detach()

    @torch.no_grad()
    def result(self) -> FitResult:
        """Scores the Gaussians on the frames kept from the fit."""
        gaussians, scores, errors = self.gaussians, [], []
        for i in self.test_frames or self.train_frames:
            rgb, depth, K = self.views[i].levels[0]
            height, width = depth.shape
            viewmat = self.cameras.viewmat(i)
            render, _, _ = gaussians.render(viewmat[None], K[None], width, height)
            scores.append(psnr(render[0, ..., :3].clamp(0, 1), rgb / 255.0))
            errors.append((render[0, ..., 3] - depth).abs()[depth > 0])
        return FitResult(
            gaussians=gaussians,
            camtoworlds=self.cameras.camtoworlds().cpu().numpy(),
            psnr_db=float(np.mean(scores)),
            depth_error_m=float(torch.cat(errors).median()),
            test_frames=tuple(self.test_frames),
            iterations=self.iteration,
            seconds=self.seconds,
        )


def held_out(count: int, every: int) -> list[int]:
    """Every n-th frame, from the middle of the first group on; none of fewer than two groups."""
    return list(range(every // 2, count, every)) if every and count >= 2 * every - 1 else []
