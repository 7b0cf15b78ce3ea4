"""A memory at a glance: views beside the camera's, and the answer to a question."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from m3_ros.capture.frame import RgbdFrame
from m3_ros.capture.scan import Scan, ScanError
from m3_ros.memory.queries import View
from m3_ros.memory.spatial_memory import SpatialMemory
from m3_ros.query.answer import Localizer
from m3_ros.query.result import TargetObject
from m3_ros.query.sightings import sightings
from m3_ros.splat.held_out import HeldOutScores
from m3_ros.types import Image
from m3_ros.view.overlay import draw_overlay
from m3_ros.view.pictures import contact_sheet, depth_picture, evenly

BAD_PSNR = 15.0
"""PSNR, dB, below which a picture cannot be recognised: its error is 18 % of the range."""
FEW_FRAMES = 12
"""Fewer frames leave most surfaces in one or two of them: each of a ring of 12 is 30 degrees from
the next, the largest angle at which stereo compares frames."""
COMPARED = (
    "camera", "rendered colour", "measured depth", "rendered depth", "features (PCA as colour)",
)  # fmt: skip
"""Titles of the pictures that `compare_view` returns."""


def compare_view(memory: SpatialMemory, frame: RgbdFrame) -> list[Image]:
    """Return the five pictures `[H, W, 3]` that `COMPARED` names, of a frame and its rendering."""
    place = (frame.camtoworld, frame.K, (frame.width, frame.height))
    rgb, depth = memory.render(*place, what="rgb"), memory.render(*place, what="depth")
    seen = frame.depth[frame.depth > 0] if (frame.depth > 0).any() else depth[depth > 0]
    near, far = np.percentile(seen, [1, 99]) if len(seen) else (0.0, 1.0)
    return [
        frame.rgb,
        np.uint8(np.rint(rgb * 255)),
        depth_picture(frame.depth, near, far),
        depth_picture(depth, near, far),
        np.uint8(np.rint(memory.render(*place, what="pca") * 255)),
    ]


def memory_sheet(memory: SpatialMemory, frames: Sequence[RgbdFrame], count: int = 4) -> Image:
    """Return up to `count` rows of the pictures that `COMPARED` names, with titles."""
    rows = evenly(list(enumerate(frames, 1)), count)
    return contact_sheet(
        [picture for _, frame in rows for picture in compare_view(memory, frame)],
        columns=len(COMPARED),
        width=288,
        column_titles=COMPARED,
        row_titles=tuple(f"view {number} of {len(frames)}" for number, _ in rows),
    )


def describe_scores(memory: SpatialMemory, scores: HeldOutScores) -> str:
    """Return lines that say how well a memory renders held-out views, and why if badly."""
    views = "held-out views" if scores.held_out else "views of the fit itself (none is held out)"
    if np.isnan(scores.depth_error):
        depth = "no depth is measured"
    elif memory.metric:
        depth = f"median depth error {1e3 * scores.depth_error:.1f} mm"
    else:
        share = scores.depth_error / memory.working_distance
        depth = f"median depth error {share:.1%} of the working distance"
    lines = [
        f"{scores.frames} {views}, as they are: PSNR {scores.as_is.psnr_db:.2f} dB, "
        f"SSIM {scores.as_is.ssim:.3f}; {depth}",
        "pose and exposure of each fitted to one half of the picture, the other half scored: "
        f"PSNR {scores.corrected.psnr_db:.2f} dB, SSIM {scores.corrected.ssim:.3f}",
    ]
    if scores.corrected.psnr_db < BAD_PSNR:
        lines.append(f"warning: that is a bad result; {_likely_cause(memory, scores)}")
    return "\n".join(lines)


def _likely_cause(memory: SpatialMemory, scores: HeldOutScores) -> str:
    if memory.frames < FEW_FRAMES:
        return f"{memory.frames} frames are few: scan with {FEW_FRAMES} or more, from all sides"
    if np.isnan(scores.depth_error):
        return (
            "the frames have no depth: poses must be exact (of structure from motion), and each "
            "part of the scene must be in several frames 2 to 30 degrees apart"
        )
    return (
        "the poses do not fit the pictures: check with `m3 scan show` that each pose belongs to "
        "its picture, that depth is registered to colour, and that nothing moved"
    )


def answer_picture(localizer: Localizer, text: str, target: TargetObject | None = None) -> Image:
    """The memory's own view `[H, W, 3]` of a target, with the heat map of the query drawn over it.

    Without a target, or where no keyframe shows it, the middle keyframe's view.
    """
    memory = localizer.memory
    seen = sightings(memory, target.points, localizer.touch) if target else []
    view = seen[0].view if seen else memory.views[len(memory.views) // 2]
    place = (view.camtoworld, view.K, (view.width, view.height))
    return draw_overlay(keyframe_picture(memory, view), localizer.heatmap(text, *place))


def keyframe_picture(memory: SpatialMemory, view: View, scan: Scan | None = None) -> Image:
    """Return the camera's picture `[H, W, 3]` of a keyframe; without a scan its rendering.

    The scan's frame of the keyframe's number is tried first: most memories have all frames.

    Raises:
        ScanError: The scan has no frame of that name and stamp.
    """
    if scan is None:
        place = (view.camtoworld, view.K, (view.width, view.height))
        return np.uint8(np.rint(255 * memory.render(*place, what="rgb")))
    index = next(at for at, each in enumerate(memory.views) if each is view)
    for frame in (scan[at] for at in (min(index, len(scan) - 1), *range(len(scan)))):
        if (frame.name, frame.stamp) == (view.name, view.stamp):
            return frame.rgb
    raise ScanError(
        f"{scan.folder} has no frame {view.name!r} of stamp {view.stamp:.3f} s; name the scan "
        "that the memory was built from"
    )
