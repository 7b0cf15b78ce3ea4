"""The tables of `m3 eval paper` in Markdown, and where ours is behind the release's setting."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from m3_ros.evaluate.paper import PaperRow

Column = tuple[str, Callable[[PaperRow], float | None], str, int]
"""Title, value, format, and +1 where more is better, -1 where less is, 0 where neither."""


def _recall(name: str, rank: int) -> Callable[[PaperRow], float | None]:
    def value(row: PaperRow) -> float | None:
        shares = getattr(row, name)
        return None if shares is None else 100 * shares[rank]

    return value


def _share(name: str) -> Callable[[PaperRow], float | None]:
    return lambda row: None if getattr(row, name) is None else 100 * getattr(row, name)


COLUMNS: tuple[Column, ...] = (
    ("cosine ↓", lambda row: row.cosine_distance, ".3f", -1),
    ("L2 ↓", lambda row: row.l2, ".3f", -1),
    ("PSNR ↑", lambda row: row.psnr_db, ".2f", 0),
    ("SSIM ↑", lambda row: row.ssim, ".3f", 0),
    ("LPIPS ↓", lambda row: row.lpips, ".3f", 0),
    ("min", lambda row: row.minutes, ".1f", 0),
    ("parameters", lambda row: row.parameters / 1e6, ".2f M", 0),
    ("MB", lambda row: row.bytes / 1e6, ".1f", 0),
    ("mIoU ↑", _share("mean_iou"), ".1f", 1),
    ("cIoU ↑", _share("cumulative_iou"), ".1f", 1),
    ("AP50 ↑", _share("ap50"), ".1f", 1),
    ("I2T@1 ↑", _recall("image_to_text", 0), ".1f", 1),
    ("I2T@5 ↑", _recall("image_to_text", 1), ".1f", 1),
    ("I2T@10 ↑", _recall("image_to_text", 2), ".1f", 1),
    ("T2I@1 ↑", _recall("text_to_image", 0), ".1f", 1),
    ("T2I@5 ↑", _recall("text_to_image", 1), ".1f", 1),
    ("T2I@10 ↑", _recall("text_to_image", 2), ".1f", 1),
)


def _cell(column: Column, row: PaperRow) -> str:
    _, value, form, _ = column
    number, unit = value(row), " M" if form.endswith("M") else ""
    return "–" if number is None else f"{number:{form.removesuffix(' M')}}{unit}"


def markdown(rows: Sequence[PaperRow]) -> str:
    """Return one table of all rows, and the sentences of `behind`."""
    lines = [
        "| " + " | ".join(["scene", "model", "row", *(title for title, *_ in COLUMNS)]) + " |",
        "|---|---|---|" + "---:|" * len(COLUMNS),
    ]
    for row in rows:
        cells = [row.scene, row.model, row.row, *(_cell(column, row) for column in COLUMNS)]
        lines.append("| " + " | ".join(cells) + " |")
    found = behind(rows)
    lines += ["", f"Cells in which ours is behind the release's setting: {len(found)}.", ""]
    lines += [f"- {sentence}" for sentence in found]
    return "\n".join(lines).rstrip() + "\n"


def behind(rows: Sequence[PaperRow]) -> list[str]:
    """Return for each cell in which ours is worse than the release's setting a sentence."""
    by_key = {(row.scene, row.model, row.row): row for row in rows}
    found = []
    for ours in (row for row in rows if row.row == "ours"):
        theirs = by_key[ours.scene, ours.model, "release"]
        for column in COLUMNS:
            title, value, _, better = column
            a, b = value(ours), value(theirs)
            if better and a is not None and better * (a - b) < 0:
                cells = f"{_cell(column, ours)}, the release's setting {_cell(column, theirs)}"
                found.append(f"{ours.scene}, {ours.model}, {title[:-2]}: {cells}")
    return found
