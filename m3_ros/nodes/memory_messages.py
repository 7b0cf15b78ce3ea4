"""A memory as messages: what its folder holds, and its Gaussians as a point cloud."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sensor_msgs.msg import PointCloud2
from std_msgs.msg import Header

from m3_ros.files import recover
from m3_ros.memory.serialization import MemoryFileError, file_digest, read_manifest
from m3_ros.memory.spatial_memory import SpatialMemory
from m3_ros.msg import MemoryStatus
from m3_ros.nodes.conversions import to_stamp
from m3_ros.nodes.images import cloud_message, pack_rgb
from m3_ros.splat.gaussians import SH_C0


def memory_status_message(folder: Path) -> MemoryStatus:
    """Return what the manifest of the memory in `folder` says.

    Raises:
        MemoryFileError: there is none, it is damaged or newer.
    """
    source = recover(folder)
    manifest = read_manifest(source)
    path = source / "manifest.json"
    try:
        psnr = manifest["psnr_db"]
        return MemoryStatus(
            folder=str(folder),
            frame_id=manifest["frame_id"],
            frames=manifest["frames"],
            gaussians=manifest["gaussians"],
            models=list(manifest["models"]),
            metric=manifest["metric"],
            psnr_db=float("nan") if psnr is None else float(psnr),
            revision=file_digest(path),
            build_stamp=to_stamp(path.stat().st_mtime),
        )
    except (KeyError, TypeError, ValueError, AssertionError) as error:
        raise MemoryFileError(f"{path} is damaged: {error!r}") from error


def gaussians_message(
    memory: SpatialMemory, head: Header, score: NDArray[np.float32] | None = None
) -> PointCloud2:
    """Return the memory's Gaussians as coloured points with opacity, and their score `[N]`."""
    gaussians = memory.gaussians.detach().to("cpu")
    colors = (gaussians.sh0[:, 0].numpy() * SH_C0 + 0.5).clip(0.0, 1.0)
    fields = {
        "rgb": pack_rgb((colors * 255.0).round().astype(np.uint8)),
        "opacity": gaussians.opacities.sigmoid().numpy(),
    }
    if score is not None:
        fields["score"] = score
    return cloud_message(gaussians.means.numpy(), head, fields)
