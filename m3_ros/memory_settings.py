"""Settings of the Gaussians and the memory, a part of `m3_ros.config`."""

from __future__ import annotations

from dataclasses import dataclass

from m3_ros.settings import Stage, setting

MAX_COMPONENTS = 1 << 20
"""Most components of a bank: of 1024 numbers each, in half precision, they take 2 GiB."""


@dataclass(frozen=True)
class SplatConfig(Stage):
    """Gaussians fitted to the frames."""

    voxel_size: float = setting(
        0.003, "least spacing of Gaussians, at a working distance of 0.4 m", "m", 1e-4, 1.0
    )
    max_gaussians: int = setting(
        0, "spacing grows until no more are needed; 0: by the scene's surface and memory", "", 0
    )
    points_per_frame: int = setting(36_000, "most points taken from one frame", "", 1)
    near_quantile: float = setting(
        0.25,
        "share of measured depths at the least spacing; beyond, spacing grows with distance^2",
        "",
        0.0,
        1.0,
    )
    initial_opacity: float = setting(0.7, "opacity before the fit", "", 0.01, 0.99)
    flatness: float = setting(
        0.25, "deviation along the normal before the fit, relative to that across", "", 0.01, 1.0
    )
    fill_holes: bool = setting(True, "add surfaces where no frame has depth")
    hole_opacity: float = setting(0.3, "opacity there before the fit", "", 0.01, 0.99)
    hole_share: float = setting(0.15, "share of max_gaussians reserved for holes", "", 0.0, 0.9)
    hole_frames: int = setting(
        20, "frames, spread over the scan, that must not see through a filled hole", "", 1
    )
    densify: str = setting(
        "auto",
        "split and prune Gaussians during the fit, as in 3DGS; auto: where depth is not measured",
        choices=("auto", "always", "never"),
    )
    sh_degree: int = setting(3, "bands of view-dependent colour", "", 0, 3)
    quality: str = setting(
        "normal", "steps of the fit, by the number of frames", choices=("draft", "normal", "best")
    )
    max_iterations: int = setting(0, "steps of the fit; 0: as many as quality asks for", "", 0)
    max_seconds: float = setting(
        1800.0, "safety net: the fit ends early after this time and warns; 0: none", "s", 0.0
    )
    coarse_share: float = setting(
        0.75, "share of the fit that runs at half resolution", "", 0.0, 1.0
    )
    coarse_width: int = setting(320, "narrower images always run at full resolution", "px", 1)
    final_rate: float = setting(
        0.1, "learning rates fall to this share of their first value", "", 1e-4, 1.0
    )
    ssim_weight: float = setting(0.2, "share of SSIM in the colour loss", "", 0.0, 1.0)
    depth_weight: float = setting(
        1.0, "weight of the loss of measured depth, at a working distance of 0.4 m", "1/m", 0.0
    )
    stereo_weight: float = setting(
        0.2, "the same of depth that is estimated from colour, at half resolution", "1/m", 0.0
    )
    min_depth_share: float = setting(
        0.6, "frames with a smaller share of depth get the rest from colour", "", 0.0, 1.0
    )
    refine_poses: bool = setting(True, "correct camera poses during the fit")
    refine_exposure: bool = setting(True, "correct each frame's gain and offset")
    test_every: int = setting(8, "hold out every n-th frame and measure the fit on it; 0: none")
    seed: int = setting(0, "seed of everything random in the fit", "", 0)


@dataclass(frozen=True)
class MemoryConfig(Stage):
    """Principal scene components, principal queries and their attention."""

    temperature: float = setting(
        0.05, "of Gaussian memory attention before training adapts it", "", 1e-3
    )
    max_components: int = setting(
        2560, "bound on the components of one model's bank", "", 1, MAX_COMPONENTS
    )
    method: str = setting(
        "cover",
        "how the bank is made: streaming cover, or Algorithm 1",
        choices=("cover", "paper"),
    )
    refine_steps: int = setting(120, "training steps after lifting; 0 = lifting only", "", 0)
    refine_points: int = setting(2000, "cells of a view in one training step", "", 1)
    refine_rates: tuple[float, ...] = setting(
        (0.1, 0.04, 0.06),
        "Adam's first rates: queries and projection relative to their rms, log temperature",
        "",
        0.0,
        10.0,
        length=3,
    )
    incremental_share: float = setting(
        0.5,
        "most of the fit that is done during the scan; the rest fits its last frames",
        "",
        0,
        1,
    )
