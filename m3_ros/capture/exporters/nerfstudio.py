"""Export to nerfstudio: `transforms.json` as its data parser asks for it.

All frames have a mask and a depth image or none has, and all depth has one unit.
"""

from __future__ import annotations

import json
import logging
from pathlib import Path

import numpy as np
import trimesh

from m3_ros.capture.depth_file import MILLIMETRE
from m3_ros.capture.exporters.image_file import write_png
from m3_ros.capture.scan import Scan
from m3_ros.capture.scan_writer import MAX_STEPS, POINTS_FILE
from m3_ros.capture.transforms_file import FILE
from m3_ros.config import M3Config
from m3_ros.geometry import OPENGL_FROM_OPENCV
from m3_ros.types import Progress

logger = logging.getLogger(__name__)


def write(scan: Scan, target: Path, _: M3Config, progress: Progress) -> None:
    """Write a folder of nerfstudio; arguments as of `export_scan`."""
    farthest, masked = 0.0, False
    for frame in scan:
        farthest = max(farthest, float(frame.depth.max()))
        masked = masked or frame.mask is not None
    unit = MILLIMETRE
    if farthest and not (scan.metric and farthest <= MAX_STEPS * MILLIMETRE):
        unit = farthest / MAX_STEPS
        logger.warning(
            "depth is stored in steps of %.6g, not of 1 mm: call nerfstudio with "
            "--depth-unit-scale-factor %.6g",
            *(unit, unit),
        )
    frames = []
    for index, frame in enumerate(scan):
        name = f"{index:06d}.png"
        files = {"file_path": (f"images/{name}", frame.rgb)}
        if farthest:
            steps = np.rint(frame.depth / unit).astype(np.uint16)
            files["depth_file_path"] = f"depths/{name}", steps
        if masked:
            mask = np.ones(frame.depth.shape, bool) if frame.mask is None else frame.mask
            files["mask_path"] = f"masks/{name}", np.where(mask, 255, 0).astype(np.uint8)
        for path, pixels in files.values():
            write_png(target / path, pixels)
        K = frame.K
        lens = {"fl_x": K[0, 0], "fl_y": K[1, 1], "cx": K[0, 2], "cy": K[1, 2]}
        matrix = frame.camtoworld @ OPENGL_FROM_OPENCV
        entry = {key: path for key, (path, _) in files.items()}
        entry |= {**lens, "w": frame.width, "h": frame.height, "stamp": frame.stamp}
        frames.append({**entry, "transform_matrix": matrix.tolist()})
        progress("export", (index + 1) / len(scan))
    meta = {"camera_model": "OPENCV", "metric": scan.metric, "depth_unit_scale_factor": unit}
    points = scan.points
    if points is not None:
        trimesh.PointCloud(points[0], colors=points[1]).export(target / POINTS_FILE)
        meta["ply_file_path"] = POINTS_FILE
    (target / FILE).write_text(json.dumps({**meta, "frames": frames}, indent=1))
