"""The report of a demo run: one sentence, every figure, and pictures of each stage."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from m3_ros.capture.scan import Scan
from m3_ros.features.loading import load_extractor
from m3_ros.geometry import inverse, project, transform
from m3_ros.memory.queries import View
from m3_ros.memory.spatial_memory import SpatialMemory
from m3_ros.splat.result import held_out
from m3_ros.types import Array, Image
from m3_ros.view.animation import animation
from m3_ros.view.embeddings import embeddings_picture
from m3_ros.view.memory import COMPARED, compare_view
from m3_ros.view.overlay import draw_overlay
from m3_ros.view.pictures import contact_sheet, draw_text, evenly
from m3_ros.view.report import Section, write_html, write_json
from m3_ros.view.scan import scan_sheet
from m3_ros.view.trace import trace_picture

FIELDS = (
    "query", "seed", "status", "object", "target_error_m", "lifted", "lift_height_m", "stages",
    "memory", "frames", "message",
)  # fmt: skip

NOT_GRASP = ("scan", "drive")  # phases of pictures before the grasp

MAP_PICTURES = 4
"""Pictures whose features are extracted anew for the report's map; each costs a tenth of a second,
beside two to load the shipped model."""


@dataclass
class DemoResult:
    """What happened in a run; `FIELDS` go into `report.json`, the rest into the pictures.

    Attributes:
        object: name of the true object that the answer is compared with.
        target_error_m: distance of the answer from that object's true centre, m.
        target: place of the answer `[3]` in the memory's frame, m.
        lift_height_m: height the object kept above its place for the whole hold, m.
        stages: seconds by stage.
        memory: gaussians, psnr_db of views kept from the fit, components, size_bytes.
        view, heatmap: the newest picture at the query and its relevancy.
        pictures: phase and outside view during scan, drive and grasp.
    """

    query: str
    seed: int
    status: str = "NOT_RUN"
    object: str | None = None
    target_error_m: float | None = None
    lifted: bool = False
    lift_height_m: float = 0.0
    stages: dict[str, float] = field(default_factory=dict)
    memory: dict[str, float] = field(default_factory=dict)
    frames: int = 0
    message: str = ""
    scan_folder: Path | None = None
    memory_folder: Path | None = None
    target: Array | None = None
    view: NDArray[np.uint8] | None = None
    heatmap: NDArray[np.float32] | None = None
    pictures: list[tuple[str, Image]] = field(default_factory=list)

    @property
    def sentence(self) -> str:
        """What happened, in plain words."""
        if self.status == "NOT_RUN":
            return f"The run stopped before the question was asked: {self.message}"
        if self.target_error_m is None:
            reason = f" ({self.message})" if self.message else ""
            return f"'{self.query}': {self.status}{reason}. The arm did not reach for anything."
        place = (
            f"'{self.query}': {self.status} {100 * self.target_error_m:.1f} cm from the true "
            f"centre of the {self.object}"
        )
        if self.lifted:
            return f"{place}, lifted {100 * self.lift_height_m:.0f} cm and held."
        return f"{place}, not lifted: {self.message or 'it did not stay up'}."


def write_demo_report(folder: Path, result: DemoResult) -> None:
    """Write `report.json` and `report.html` for whatever stages were reached."""
    values = {name: getattr(result, name) for name in FIELDS}
    write_json(folder / "report.json", values)
    scan = None if result.scan_folder is None else Scan.open(result.scan_folder)
    built = scan is not None and result.memory_folder is not None
    memory = SpatialMemory.load(result.memory_folder, "auto") if built else None
    sections = [
        *_motion_section(result.pictures),
        *_scan_section(scan),
        *_memory_section(scan, memory),
        *_query_section(result),
        *_features_section(scan, memory, result.target),
        *_grasp_section(result.pictures),
    ]
    title = f"m3_ros: {result.query}, seed {result.seed}"
    write_html(folder / "report.html", title, result.sentence, values, sections)


def _motion_section(pictures: Sequence[tuple[str, Image]]) -> list[Section]:
    if not pictures:
        return []
    film = animation([_caption(image, phase) for phase, image in pictures])
    return [Section("Motion", "Seen from beside the table, faster than it was.", [film])]


def _scan_section(scan: Scan | None) -> list[Section]:
    if scan is None:
        return []
    note = f"{len(scan)} keyframes by the wrist camera; colour above, measured depth below."
    return [Section("Scan", note, [scan_sheet(scan)])]


def _memory_section(scan: Scan | None, memory: SpatialMemory | None) -> list[Section]:
    if scan is None or memory is None:
        return []
    indices = held_out(len(scan), memory.config.splat.test_every) or range(len(scan))
    frame = scan[indices[len(indices) // 2]]
    row = contact_sheet(
        compare_view(memory, frame), len(COMPARED), width=288, column_titles=COMPARED
    )
    note = "A view kept from the fit, and the memory's rendering of it."
    return [Section("Memory", note, [row])]


def _query_section(result: DemoResult) -> list[Section]:
    if result.view is None:
        return []
    pictures = [result.view]
    if result.heatmap is not None:
        pictures.append(draw_overlay(result.view, result.heatmap))
    note = "What the camera saw when asked, and the relevancy of the question in it."
    return [Section("Query", note, [contact_sheet(pictures, columns=2, width=480)])]


def _features_section(
    scan: Scan | None, memory: SpatialMemory | None, target: Array | None
) -> list[Section]:
    """Return where the target's feature is read from, and the model's features as a map."""
    if scan is None or memory is None:
        return []
    name = next(iter(memory.models))
    extractor = load_extractor(memory.config.features.models[0], device="cpu")
    images = [embeddings_picture(memory, scan, extractor, most=MAP_PICTURES)]
    note = "Raw features of some pictures and the memory's bank, coloured by picture."
    seen = None if target is None else _best_view(memory, target)
    sources = memory.model(name).sources
    if seen is not None and sources is not None:
        view, pixel = seen
        traces = memory.trace(name, view.camtoworld, view.K, pixel)
        grid = tuple(sources.grids[0].tolist())
        images.insert(0, trace_picture(memory, view, pixel, traces, grid, scan))
        note = f"From which cells of which keyframes the target's feature is read. {note}"
    return [Section("Features", note, images)]


def _best_view(memory: SpatialMemory, point: Array) -> tuple[View, tuple[int, int]] | None:
    """Return the keyframe that has a point nearest to its middle, and the pixel (row, column)."""
    found = []
    for view in memory.views:
        (u, v), _ = project(transform(inverse(view.camtoworld), point), view.K)
        if 0 <= u < view.width and 0 <= v < view.height:  # NaN behind the camera
            apart = np.hypot(u - view.width / 2, v - view.height / 2)
            found.append((apart, view, (int(v), int(u))))
    return min(found, key=lambda item: item[0])[1:] if found else None


def _grasp_section(pictures: Sequence[tuple[str, Image]]) -> list[Section]:
    grasped = [(phase, image) for phase, image in pictures if phase not in NOT_GRASP]
    if not grasped:
        return []
    tiles = [_caption(image, phase) for phase, image in evenly(grasped, 12)]
    note = "Seen from beside the table, in order."
    return [Section("Grasp", note, [contact_sheet(tiles, columns=4, width=320)])]


def _caption(image: Image, text: str) -> Image:
    labelled = image.copy()
    draw_text(labelled, text, (8, 22))
    return labelled
