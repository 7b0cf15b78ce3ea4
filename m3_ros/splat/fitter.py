"""Fit Gaussians to posed RGB-D frames (3D Gaussian Splatting, Kerbl et al. 2023)."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from m3_ros.capture.frame import RgbdFrame
from m3_ros.config import SplatConfig
from m3_ros.geometry import inverse
from m3_ros.splat.alignment import align_frames
from m3_ros.splat.densification import make_strategy, scene_scale
from m3_ros.splat.gaussians import Gaussians
from m3_ros.splat.held_out import HeldOutScores, score_frames
from m3_ros.splat.initialization import Points, gaussians_from_points
from m3_ros.splat.optimizer import Optimizers
from m3_ros.splat.pose_jump import warn_of_jump
from m3_ros.splat.poses import CameraCorrections
from m3_ros.splat.processes import ALONE, Processes
from m3_ros.splat.result import FitResult, held_out, score
from m3_ros.splat.scale import NOMINAL_DISTANCE
from m3_ros.splat.schedule import steps
from m3_ros.splat.seeding import SparsePoints, seed_gaussians
from m3_ros.splat.stereo import estimate_depth
from m3_ros.splat.training_view import TrainingView
from m3_ros.splat.view_loss import view_loss
from m3_ros.splat.voxels import Voxels
from m3_ros.types import Progress, no_progress

if TYPE_CHECKING:
    from gsplat.strategy.base import Strategy

logger = logging.getLogger(__name__)

PROGRESS_PERIOD = 20  # steps between two reports of progress, about ten a second


class Fitter:
    """A fit in progress: add frames, run steps and read the result in any order.

    Lengths are those of a scan at the nominal distance (`m3_ros.splat.scale`).

    Attributes:
        points: Sparse points `[P, 3]` and colours `[P, 3]` uint8 of the scan, or None.
        frames: All frames added, with the poses that `align_frames` gave them.
        train_frames: Indices of the frames that are fitted.
        test_frames: Indices of the held-out frames.
        iteration: Optimisation steps that count as used.
        seconds: Wall time of all work so far; only a safety net depends on it.

    Args:
        config: Settings of the fit.
        device: Of its tensors.
        processes: That share the frames of a step.
        batch: Frames of a step, which counts as so many; `processes.count` by default. Adam's
            rates grow with its root (Malladi et al., NeurIPS 2022).
    """

    def __init__(
        self, config: SplatConfig, device: str = "cpu", processes: Processes = ALONE,
        batch: int = 0,
    ) -> None:  # fmt: skip
        self.config, self.device = config, device
        self._processes, self._batch = processes, batch or processes.count
        self.frames: list[RgbdFrame] = []
        self.points: SparsePoints | None = None
        self.views: list[TrainingView] = []
        self.train_frames: list[int] = []
        self.test_frames: list[int] = []
        self.iteration, self.seconds = 0, 0.0
        self.params: dict[str, torch.nn.Parameter] = {}
        self.strategy: Strategy | None = None
        self.strategy_state: dict = {}
        self.optimizers = Optimizers()
        self._most = 0  # Gaussians in all
        self.cameras = CameraCorrections(torch.zeros(0, 4, 4)).to(device)
        self._generator = torch.Generator().manual_seed(config.seed)
        self._queue: list[int] = []  # training frames still to visit in this round
        self._voxels = Voxels(config.voxel_size, NOMINAL_DISTANCE)
        empty = gaussians_from_points(Points.empty(), config.voxel_size, config)
        for name, x in empty.to(device).tensors.items():
            self._set_tensor(name, x)

    def add(self, frames: Sequence[RgbdFrame]) -> None:
        """Add frames, align their poses, and place Gaussians where their depth has none yet.

        Where depth is not measured, it is estimated by stereo.
        """
        start = time.perf_counter()
        known = len(self.frames)
        self.frames += frames
        if self.config.refine_poses and len(self.frames) > 2:
            align = partial(align_frames, self.frames, known, self.config.seed)
            poses = self._processes.once(align)
            warn_of_jump(self.frames, poses)
            self.frames = [
                replace(frame, camtoworld=pose)
                for frame, pose in zip(self.frames, poses, strict=True)
            ]
        new = range(known, len(self.frames))
        test = held_out(len(self.frames), self.config.test_every)
        self.test_frames += [i for i in new if i in test]
        self.train_frames += [i for i in new if i not in test]
        estimated = estimate_depth(self.frames, new, self.config.min_depth_share)
        coarse_width = self.config.coarse_width
        self.views += [
            TrainingView(self.frames[i], coarse_width, self.device, depth)
            for i, depth in zip(new, estimated, strict=True)
        ]
        pairs = [(self.frames[i], d) for i, d in zip(new, estimated, strict=True) if i not in test]
        self._add_gaussians(
            [replace(frame, depth=frame.depth + d) if d.any() else frame for frame, d in pairs]
        )
        poses = np.stack([inverse(self.frames[i].camtoworld) for i in new])
        self._add_cameras(torch.from_numpy(poses).float().to(self.device))
        self.seconds += time.perf_counter() - start

    def _add_gaussians(self, frames: Sequence[RgbdFrame]) -> None:
        config, present = self.config, self.gaussians
        points, self.points = self.points, None  # they are added once
        means = present.means.cpu().numpy()
        known = frames, self._voxels, means, config, points
        unmeasured = 0 if self.measured else len(self.views)
        added, self._most = seed_gaussians(*known, self.device, unmeasured)
        for name, x in added.to(self.device).tensors.items():
            self._set_tensor(name, torch.cat([present.tensors[name], x]))
        if config.densify == "always" or (config.densify == "auto" and not self.measured):
            self.strategy = make_strategy(self.steps, self._batch)
            scale = scene_scale(self.frames)
            self.strategy_state = self.strategy.initialize_state(scene_scale=scale)

    def _add_cameras(self, viewmats: Tensor) -> None:
        old, new = self.cameras, CameraCorrections(viewmats)
        self.cameras = CameraCorrections(torch.cat([old.initial, new.initial])).to(self.device)
        for name, refined in (
            ("rotations", self.config.refine_poses),
            ("translations", self.config.refine_poses),
            ("exposures", self.config.refine_exposure),
        ):
            values = torch.cat([getattr(old, name), getattr(new, name).to(self.device)])
            setattr(self.cameras, name, torch.nn.Parameter(values.detach(), refined))
            self.optimizers.replace(name, getattr(self.cameras, name))

    def _set_tensor(self, name: str, values: Tensor) -> None:
        """Replace a tensor of the Gaussians; its first rows keep their optimizer state."""
        self.params[name] = torch.nn.Parameter(values)
        self.optimizers.replace(name, self.params[name])

    @property
    def gaussians(self) -> Gaussians:
        """The Gaussians in their present state, outside any autograd graph."""
        return Gaussians(**{name: x.detach() for name, x in self.params.items()})

    @property
    def budget_used(self) -> float:
        """Share of the steps that is used; 1: all."""
        return min(1.0, self.iteration / self.steps)

    @property
    def steps(self) -> int:
        """Steps of the fit of all frames so far."""
        return steps(self.config, len(self.train_frames), self.measured)

    @property
    def measured(self) -> bool:
        """Whether the depth of most frames is measured."""
        return sum(view.estimated[0] is None for view in self.views) * 2 >= len(self.views)

    def cap_budget_used(self, share: float) -> None:
        """Count at most `share` of the steps as used."""
        self.iteration = min(self.iteration, math.ceil(share * self.steps))

    def run(self, progress: Progress = no_progress) -> None:
        """Run the remaining steps; report them as stage "fit"."""
        limit = self.config.max_seconds if self._processes.count == 1 else 0.0
        start, before = time.perf_counter(), self.seconds
        while (share := self.budget_used) < 1:
            self.step()
            elapsed = time.perf_counter() - start
            self.seconds = before + elapsed
            if limit and elapsed > limit:
                logger.warning(
                    "the fit ended after %d of %d steps, because splat.max_seconds = %g s are "
                    "over; raise it, or choose a lower splat.quality",
                    *(self.iteration, self.steps, limit),
                )
                break
            if self.iteration % PROGRESS_PERIOD == 0:
                progress("fit", share)

    def step(self) -> Tensor:
        """Run one step on the next training frames, `batch` of them; return their mean loss.

        Every frame comes once a round, in random order.
        """
        config, share = self.config, self.budget_used
        level = 1 if share < config.coarse_share else 0
        frames = [self._next_frame() for _ in range(self._batch)]
        densify = self.strategy and len(self.gaussians) < self._most
        total = torch.zeros((), device=self.device)
        for frame in self._processes.own(frames):
            parts = Gaussians(**self.params), self.cameras, frame, self.views[frame]
            loss, info = view_loss(*parts, level, config)
            state = self.params, self.optimizers, self.strategy_state, self.iteration, info
            if densify:
                self.strategy.step_pre_backward(*state)
            (loss / self._batch).backward()
            total += loss.detach() / self._batch
        self._processes.sum_gradients([*self.params.values(), *self.cameras.parameters()])
        self.optimizers.step(config.final_rate**share * math.sqrt(self._batch))
        if densify:
            self.strategy.step_post_backward(*state)
        self.iteration += self._batch
        return total

    def _next_frame(self) -> int:
        if not self._queue:
            shuffled = torch.randperm(len(self.train_frames), generator=self._generator)
            self._queue = [self.train_frames[k] for k in shuffled.tolist()]
        return self._queue.pop()

    def scores(self) -> HeldOutScores:
        """Return the scores of the held-out frames, else of all."""
        held_out = bool(self.test_frames)
        indices = self.test_frames if held_out else self.train_frames
        return score_frames(self.gaussians, self.cameras, self.views, indices, held_out)

    def result(self) -> FitResult:
        """Return Gaussians and poses with their error on the held-out frames (else on all)."""
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
