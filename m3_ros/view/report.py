"""One page that shows a run: a sentence, the figures, the pictures; and the same as JSON."""

from __future__ import annotations

import base64
import html
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2

from m3_ros.view.pictures import Image

STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 1000px; margin: 2rem auto; padding: 0 1rem;
       color: #1c2733; background: #fff }
h1 { font-size: 1.5rem; margin-bottom: .2rem }
h2 { font-size: 1.1rem; margin: 2rem 0 .3rem }
p.lead { font-size: 1.15rem; padding: .7rem 1rem; border-left: 4px solid #f2b705;
         background: #fdf8e6 }
p.note { color: #5b6875; margin: .2rem 0 .5rem }
img { max-width: 100%; border-radius: 4px }
table { border-collapse: collapse } td { padding: .15rem 1.2rem .15rem 0 }
td:last-child { font-variant-numeric: tabular-nums }
"""


@dataclass(frozen=True, eq=False)
class Section:
    """A heading, one line of explanation, and pictures.

    Attributes:
        images: `[H, W, 3]` uint8 RGB, or the bytes of a WebP file.
    """

    title: str
    note: str
    images: Sequence[Image | bytes]


def write_json(path: Path, values: Mapping) -> None:
    """Write `values` as JSON, whole or not at all; a link stays one, and its target is written."""
    path = path.resolve()
    temporary = path.with_suffix(".part")
    temporary.write_text(json.dumps(values, indent=2) + "\n")
    os.replace(temporary, path)


def write_html(
    path: Path, title: str, sentence: str, values: Mapping, sections: Sequence[Section]
) -> None:
    """Write a self-contained page: the sentence first, then pictures, then every figure."""
    parts = [f"<h1>{html.escape(title)}</h1>", f'<p class="lead">{html.escape(sentence)}</p>']
    for section in sections:
        parts.append(f"<h2>{html.escape(section.title)}</h2>")
        parts.append(f'<p class="note">{html.escape(section.note)}</p>')
        parts += [
            f'<img alt="{html.escape(section.title)}" src="{_data_uri(image)}">'
            for image in section.images
        ]
    rows = "".join(
        f"<tr><td>{html.escape(name)}</td><td>{html.escape(str(value))}</td></tr>"
        for name, value in flatten(values)
    )
    parts.append(f"<h2>Figures</h2><table>{rows}</table>")
    head = f'<meta charset="utf-8"><title>{html.escape(title)}</title><style>{STYLE}</style>'
    path.write_text(f"<!doctype html><html>{head}<body>{''.join(parts)}</body></html>\n")


def flatten(values: Mapping, prefix: str = "") -> list[tuple[str, object]]:
    """Nested mappings as rows: `{"a": {"b": 1}}` gives `[("a.b", 1)]`."""
    rows: list[tuple[str, object]] = []
    for name, value in values.items():
        if isinstance(value, Mapping):
            rows += flatten(value, f"{prefix}{name}.")
        else:
            rows.append((f"{prefix}{name}", value))
    return rows


def _data_uri(image: Image | bytes) -> str:
    if isinstance(image, bytes):
        return f"data:image/webp;base64,{base64.b64encode(image).decode()}"
    bgr = cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
    _, data = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, 85])
    return f"data:image/jpeg;base64,{base64.b64encode(data).decode()}"
