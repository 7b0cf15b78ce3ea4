"""Fitting of Gaussians to posed RGB-D frames."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from m3_ros.capture.frame import RgbdFrame
from m3_ros.config import SplatConfig
from m3_ros.geometry import inverse
from m3_ros.splat.alignment import align_frames
from m3_ros.splat.gaussians import Gaussians
from m3_ros.splat.initialization import Points, gaussians_from_points
from m3_ros.splat.loss import depth_loss, photometric_loss
from m3_ros.splat.optimizer import Adam
from m3_ros.splat.poses import Cameras
from m3_ros.splat.result import FitResult, held_out, score
from m3_ros.splat.seeding import place
from m3_ros.splat.view import View
from m3_ros.splat.voxels import Voxels, working_distance

if TYPE_CHECKING:
    from gsplat.strategy.base import Strategy

Progress = Callable[[float, str], None]  # fraction done 0..1, what is going on

RATES = {  # of Adam, for each quantity
    "means": 2e-4,
    "quats": 2e-3,
    "scales": 1e-2,
    "opacities": 5e-2,
    "sh0": 8e-3,
    "shN": 5e-4,
    "rotations": 3e-4,
    "translations": 3e-4,
    "exposures": 2e-3,
}
COARSE_SHARE = 0.75  # of the iterations run at half resolution
SCENE_SCALE = 0.5  # m, to which gsplat's thresholds of size are relative
FINAL_RATE = 0.1  # learning rates decay to this share


def fit(
    frames: Sequence[RgbdFrame],
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
    fitter.add(list(frames))
    fitter.run(progress)
    return fitter.result()


class Fitter:
    """A fit in progress: frames are added, steps run, the result is read, in any order."""

    def __init__(self, config: SplatConfig, device: str = "cpu") -> None:
        self.config, self.device = config, device
        self.frames: list[RgbdFrame] = []  # with their poses as aligned when they were added
        self.views: list[View] = []
        self.train_frames: list[int] = []
        self.test_frames: list[int] = []
        self.iteration, self.seconds = 0, 0.0
        self.order = torch.Generator().manual_seed(config.seed)
        self.queue: list[int] = []  # frames still to visit in this round
        self.voxels = Voxels(config.voxel_size)
        self.strategy = _strategy(config) if config.densify else None
        self.strategy_state: dict = {}
        self.optimizers: dict[str, Adam] = {}
        empty = gaussians_from_points(Points.empty(), config.voxel_size, config.sh_degree)
        for name, x in empty.to(device).tensors.items():
            self.restore(name, x)
        self.cameras = Cameras(torch.zeros(0, 4, 4)).to(device)

    def add(self, frames: Sequence[RgbdFrame]) -> None:
        """Takes frames in, aligns them, and places Gaussians on depth where there are none yet.

        Raises:
            ValueError: There are no frames, or none so far has depth.
        """
        start = time.perf_counter()
        if not frames:
            raise ValueError("frames must hold at least one frame, got none")
        known = len(self.frames)
        self.frames += frames
        if self.config.refine_poses and len(self.frames) > 2:
            poses = align_frames(self.frames, known, self.config.seed)
            self.frames = [
                replace(frame, camtoworld=pose)
                for frame, pose in zip(self.frames, poses, strict=True)
            ]
        new = range(known, len(self.frames))
        test = held_out(len(self.frames), self.config.test_every)
        self.test_frames += [i for i in new if i in test]
        self.train_frames += [i for i in new if i not in test]
        self.views += [View(self.frames[i], self.device) for i in new]
        self._add_gaussians([self.frames[i] for i in new if i not in test])
        poses = np.stack([inverse(self.frames[i].camtoworld) for i in new])
        self._add_cameras(torch.from_numpy(poses).float().to(self.device))
        self.seconds += time.perf_counter() - start

    def _add_gaussians(self, frames: Sequence[RgbdFrame]) -> None:
        config, present = self.config, self.gaussians
        if not len(present):
            self.voxels = Voxels(config.voxel_size, working_distance(frames))
        added = place(frames, self.voxels, present.means.cpu().numpy(), config)
        if not len(present) and not len(added):
            raise ValueError(f"frames must have depth, but none of the {len(frames)} has any")
        for name, x in added.to(self.device).tensors.items():
            self.restore(name, torch.cat([present.tensors[name], x]))
        if self.strategy:
            self.strategy_state = self.strategy.initialize_state(scene_scale=SCENE_SCALE)

    def _add_cameras(self, viewmats: Tensor) -> None:
        old, new = self.cameras, Cameras(viewmats)
        self.cameras = Cameras(torch.cat([old.initial, new.initial])).to(self.device)
        for name, refined in (
            ("rotations", self.config.refine_poses),
            ("translations", self.config.refine_poses),
            ("exposures", self.config.refine_exposure),
        ):
            values = torch.cat([getattr(old, name), getattr(new, name).to(self.device)])
            setattr(self.cameras, name, torch.nn.Parameter(values.detach(), refined))
            self._optimize(name, getattr(self.cameras, name))

    def restore(self, name: str, values: Tensor) -> None:
        """Replaces a tensor of the Gaussians; the optimizer keeps what it knows of old rows."""
        self.params = getattr(self, "params", {}) | {name: torch.nn.Parameter(values)}
        self._optimize(name, self.params[name])

    def _optimize(self, name: str, parameter: Tensor) -> None:
        """Puts `parameter` under an optimizer that goes on from the one of its first rows."""
        old = self.optimizers.get(name)
        self.optimizers[name] = Adam(parameter, RATES[name])
        if old:
            self.optimizers[name].extend(old)

    @property
    def gaussians(self) -> Gaussians:
        """The Gaussians as they are now."""
        return Gaussians(**{name: x.detach() for name, x in self.params.items()})

    def run(self, progress: Progress | None = None) -> None:
        """Steps until the budget of iterations or seconds is used up."""
        start, before = time.perf_counter(), self.seconds
        while (fraction := self.used) < 1:
            self.advance()
            self.seconds = before + time.perf_counter() - start
            if progress and self.iteration % 20 == 0:
                progress(fraction, f"iteration {self.iteration}, {len(self.gaussians)} Gaussians")

    def advance(self) -> None:
        """One step on the next frame; every frame comes once a round, in random order."""
        if not self.queue:
            shuffled = torch.randperm(len(self.train_frames), generator=self.order)
            self.queue = [self.train_frames[k] for k in shuffled.tolist()]
        self.step(self.queue.pop(), self.used)

    @property
    def used(self) -> float:
        """Share of the budget, of steps or seconds, that is used up."""
        config = self.config
        steps = self.iteration / config.max_iterations if config.max_iterations else 1.0
        return max(steps, self.seconds / config.max_seconds) if config.max_seconds else steps

    def rewind(self, share: float) -> None:
        """Gives back what is used of the budget beyond a share of it; seconds follow the steps."""
        config = self.config
        self.iteration = min(self.iteration, math.ceil(share * config.max_iterations))
        self.seconds = config.max_seconds * self.iteration / max(1, config.max_iterations)

    def step(self, frame: int, fraction: float) -> Tensor:
        """One optimisation step on one frame, `fraction` of the way through the budget."""
        rgb, depth, K, mask = self.views[frame].levels[1 if fraction < COARSE_SHARE else 0]
        height, width = depth.shape
        gaussians = Gaussians(**self.params)
        viewmat = self.cameras.viewmat(frame)
        render, alpha, info = gaussians.render(viewmat[None], K[None], width, height)
        image = self.cameras.expose(frame, render[0, ..., :3])
        target = torch.where(mask[..., None], rgb / 255.0, image.detach())
        loss = photometric_loss(image, target, self.config.ssim_weight)
        if self.config.depth_weight:
            error = depth_loss(render[0, ..., 3], depth, alpha[0, ..., 0])
            loss = loss + self.config.depth_weight * error
        densify = self.strategy and len(gaussians) < self.config.max_gaussians
        state = self.params, self.optimizers, self.strategy_state, self.iteration, info
        if densify:
            self.strategy.step_pre_backward(*state)
        loss.backward()
        decay = FINAL_RATE**fraction
        for name, optimizer in self.optimizers.items():
            optimizer.param_groups[0]["lr"] = RATES[name] * decay
            optimizer.step()
            optimizer.zero_grad()
        if densify:
            self.strategy.step_post_backward(*state)
        self.iteration += 1
        return loss.detach()

    def result(self) -> FitResult:
        """The Gaussians, the poses and their score on the frames kept from the fit."""
        scored = self.test_frames or self.train_frames
        psnr_db, depth_error = score(self.gaussians, self.cameras, self.views, scored)
        return FitResult(
            gaussians=self.gaussians,
            camtoworlds=self.cameras.camtoworlds().cpu().numpy(),
            psnr_db=psnr_db,
            depth_error_m=depth_error,
            test_frames=tuple(self.test_frames),
            iterations=self.iteration,
            seconds=self.seconds,
        )


def _strategy(config: SplatConfig) -> Strategy:
    """gsplat's densification, paced for a fit of a few hundred steps."""
    from gsplat.strategy import DefaultStrategy

    return DefaultStrategy(
        refine_start_iter=50,
        refine_every=50,
        refine_stop_iter=int(0.7 * config.max_iterations),
        reset_every=1_000_000,
    )
