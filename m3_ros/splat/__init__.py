"""3D Gaussians: rendering, fitting to posed RGB-D frames, lifting of features, files."""

from m3_ros.splat.fit import fit
from m3_ros.splat.fitter import Fitter
from m3_ros.splat.gaussians import Gaussians
from m3_ros.splat.lift import lift
from m3_ros.splat.ply import load_ply, save_ply
from m3_ros.splat.rasterization import rasterization
from m3_ros.splat.result import FitResult

__all__ = [
    "FitResult",
    "Fitter",
    "Gaussians",
    "fit",
    "lift",
    "load_ply",
    "rasterization",
    "save_ply",
]
