"""What the page says, as HTML: every word that a user or a file gave is escaped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

from m3_ros.codes import QueryStatus
from m3_ros.memory.spatial_memory import SpatialMemory, Trace
from m3_ros.query.inventory import InventoryObject
from m3_ros.query.result import QueryResult
from m3_ros.types import Array

LAMPS = ("#2f9e44", "#f08c00", "#e03131", "#868e96")
"""Colours of diagnostics' levels OK, WARN, ERROR, STALE."""
PARAGRAPH = "<div style='padding: 0 0.75em; font-size: 0.9em; overflow-wrap: anywhere'>{}</div>"


def notice_html(text: str) -> str:
    """Return a sentence."""
    return PARAGRAPH.format(escape(text))


def refusal_html(reason: str) -> str:
    """Return why a request was refused."""
    return PARAGRAPH.format(f"<b>refused</b>: {escape(reason)}")


def answer_html(result: QueryResult, metric: bool) -> str:
    """Return status, sentence and targets of a response."""
    lines = [f"<b>{result.status.name}</b>: {escape(result.message)}"]
    for target in result.targets:
        status = "" if target.status is QueryStatus.FOUND else f" ({target.status.name})"
        lines.append(
            f"{escape(target.label)} <b>{target.score:.2f}</b>{status}: "
            f"{_place(target.box.center, metric)}, {_size(target.box.size, metric)}"
        )
    return PARAGRAPH.format("<br>".join(lines))


def click_html(
    point: Array | None,
    named: InventoryObject | None,
    traces: Mapping[str, Sequence[Trace]],
    memory: SpatialMemory,
) -> str:
    """Return where a click hit, which object that is, and what its features are read from.

    Args:
        point: `[3]` in the memory's frame; None where it hit nothing.
        named: the object; None for none.
        traces: by model, largest weight first.
        memory: that was clicked.
    """
    if point is None:
        return PARAGRAPH.format("nothing is remembered there")
    what = f"<b>{escape(named.name)}</b> {named.score:.2f}" if named else "no object"
    lines = [f"{_place(point, memory.metric)} in {escape(memory.frame_id)}: {what}"]
    for model, each in traces.items():
        for trace in each:
            name = memory.views[trace.frame].name
            lines.append(
                f"{escape(model)} reads component {trace.component} (weight {trace.weight:.2f}) "
                f"of keyframe {trace.frame}{f' ({escape(name)})' if name else ''}"
            )
    return PARAGRAPH.format("<br>".join(lines))


def lamps_html(states: Mapping[str, tuple[int, str]]) -> str:
    """Return a lamp for each node, and by name what is wrong there.

    Args:
        states: level 0..3 and message of each task, named "node: task".
    """
    nodes: dict[str, list[tuple[int, str]]] = {}
    for name, (level, message) in sorted(states.items()):
        node, _, task = name.partition(": ")
        nodes.setdefault(node, []).append((level, f"{task}: {message}" if message else task))
    lines = []
    for node, tasks in sorted(nodes.items(), key=lambda item: -max(item[1])[0]):
        level = min(max(tasks)[0], len(LAMPS) - 1)
        wrong = "; ".join(text for level, text in tasks if level)
        lamp = f"<span style='color: {LAMPS[level]}'>&#9679;</span> {escape(node)}"
        lines.append(f"{lamp}: {escape(wrong)}" if wrong else lamp)
    return PARAGRAPH.format("<br>".join(lines))


def _place(point: Array, metric: bool) -> str:
    return ", ".join(f"{value:.3f}" for value in point) + (" m" if metric else " units")


def _size(size: Array, metric: bool) -> str:
    factor, unit = (100.0, "cm") if metric else (1.0, "units")
    return " x ".join(f"{factor * value:.{1 if metric else 3}f}" for value in size) + f" {unit}"
