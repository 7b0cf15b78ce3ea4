"""The report of a demo run: one sentence, every figure, and pictures of each stage."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from m3_ros.capture.scan import Scan
from m3_ros.memory.spatial_memory import SpatialMemory
from m3_ros.splat.result import held_out
from m3_ros.types import Image
from m3_ros.view.memory import COMPARED, compare_view
from m3_ros.view.overlay import draw_overlay
from m3_ros.view.pictures import contact_sheet, draw_text, evenly
from m3_ros.view.report import Section, write_html, write_json
from m3_ros.view.scan import scan_sheet

FIELDS = (
    "query", "seed", "status", "object", "target_error_m", "lifted", "lift_height_m", "stages",
    "memory", "frames", "message",
)  # fmt: skip


@dataclass
class DemoResult:
    """What happened in a run; `FIELDS` go into `report.json`, the rest into the pictures.

    Attributes:
        object: name of the true object that the answer is compared with.
        target_error_m: distance of the answer from that object's true centre, m.
        lift_height_m: height the object kept above its place for the whole hold, m.
        stages: seconds by stage.
        memory: gaussians, psnr_db of views kept from the fit, components, size_bytes.
        view, heatmap: the newest picture at the query and its relevancy.
        pictures: phase and outside view during the grasp.
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
    sections = [
        *_scan_section(result.scan_folder),
        *_memory_section(result.scan_folder, result.memory_folder),
        *_query_section(result),
        *_grasp_section(result.pictures),
    ]
    title = f"m3_ros: {result.query}, seed {result.seed}"
    write_html(folder / "report.html", title, result.sentence, values, sections)


def _scan_section(folder: Path | None) -> list[Section]:
    if folder is None:
        return []
    scan = Scan.open(folder)
    note = f"{len(scan)} keyframes by the wrist camera; colour above, measured depth below."
    return [Section("Scan", note, [scan_sheet(scan)])]


def _memory_section(scan_folder: Path | None, folder: Path | None) -> list[Section]:
    if folder is None or scan_folder is None:
        return []
    scan, memory = Scan.open(scan_folder), SpatialMemory.load(folder)
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


def _grasp_section(pictures: Sequence[tuple[str, Image]]) -> list[Section]:
    if not pictures:
        return []
    tiles = [_caption(image, phase) for phase, image in evenly(pictures, 12)]
    note = "Seen from beside the table, in order."
    return [Section("Grasp", note, [contact_sheet(tiles, columns=4, width=320)])]


def _caption(image: Image, text: str) -> Image:
    labelled = image.copy()
    draw_text(labelled, text, (8, 22))
    return labelled
