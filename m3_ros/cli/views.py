"""Commands on what a memory holds and its keyframes: describe, find-view, trace, embeddings."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

from m3_ros.cli.app import FAILED, OK, Positional, app, evaluate, require_at_least
from m3_ros.errors import UsageError

if TYPE_CHECKING:
    from m3_ros.capture.scan import Scan
    from m3_ros.memory.spatial_memory import SpatialMemory


@app.command
def describe(
    memory: Positional[Path],
    question: Positional[str | None] = None,
    at: tuple[float, float, float] | None = None,
    view: int | None = None,
    model: Literal["llama3", "llamav"] | None = None,
    device: str = "auto",
) -> int:
    """Say what a memory holds: kind, colour, size, place and neighbour of every object.

    Args:
        memory: the memory folder.
        question: what to tell of it only, such as "what is on the table?", "what is near the
            cup?" or "how many mugs are there?".
        at: tell of what is at this point, x y z in the memory's frame.
        view: tell of what this keyframe shows, from 0.
        model: tell it in a model's words: captions that llama3's were made of, at a point or in a
            keyframe; the answer of llamav from its remembered features, in a keyframe.
        device: as the setting features.device, whatever built the memory.
    """
    from m3_ros.features.loading import load_language_extractor
    from m3_ros.memory.spatial_memory import SpatialMemory
    from m3_ros.query import describe as said
    from m3_ros.query.answer import Localizer
    from m3_ros.query.inventory import Inventory
    from m3_ros.query.question import answer_question

    given = [question is not None and model != "llamav", at is not None, view is not None]
    if sum(given) > 1:
        raise UsageError("describe takes one of a question, --at and --view, not both")
    loaded = SpatialMemory.load(memory, device)
    if view is not None:
        _require_view(loaded, view)
    if model is not None:
        return _describe_by_model(loaded, model, question, at, view)
    encoder = load_language_extractor(loaded.config.features.models[0], device)
    inventory = Inventory(Localizer(loaded, encoder))
    if question is not None:
        found = answer_question(inventory, question)
    elif view is not None:
        found = said.describe_view(inventory, loaded.views[view])
    else:
        found = said.describe(inventory) if at is None else said.describe_at(inventory, at)
    print("\n".join(found.sentences))
    return OK


def _describe_by_model(
    memory: SpatialMemory,
    model: str,
    question: str | None,
    at: tuple[float, float, float] | None,
    view: int | None,
) -> int:
    """Print what a model says: captions by share of the attention, or an answer."""
    from m3_ros.query.captions import CAPTIONS, captions_at, captions_of_view, remembered_answer

    if model == "llama3" and (at is None) == (view is None):
        raise UsageError("describe --model llama3 needs --at X Y Z or --view N")
    if model == "llamav":
        if view is None:
            raise UsageError("describe --model llamav needs --view N")
        print(remembered_answer(memory, view, question))
        return OK
    found = captions_of_view(memory, view) if at is None else captions_at(memory, at)
    for caption, share in found[:CAPTIONS]:
        print(f"{share:.2f} {caption}")
    return OK if found else FAILED


def _require_view(memory: SpatialMemory, view: int) -> None:
    if not 0 <= view < memory.frames:
        raise UsageError(f"--view {view}: the memory has keyframes 0 to {memory.frames - 1}")


@app.command
def find_view(
    memory: Positional[Path],
    text: Positional[str],
    scan: Path | None = None,
    output: Path | None = None,
    device: str = "auto",
) -> int:
    """Say in which keyframe an object is seen best, and from where; draws it there.

    Args:
        memory: the memory folder.
        text: the object, as for `m3 query`.
        scan: the scan folder that the memory was built from, for the camera's picture; without it
            the memory's rendering is drawn.
        output: the picture to write; NAME.seen.png beside the memory by default.
        device: as the setting features.device, whatever built the memory.
    """
    from m3_ros.capture.scan import Scan
    from m3_ros.codes import QueryStatus
    from m3_ros.query.answer import Localizer
    from m3_ros.query.sightings import sightings
    from m3_ros.view.memory import keyframe_picture
    from m3_ros.view.overlay import draw_box
    from m3_ros.view.pictures import write_picture

    localizer = Localizer.open(memory, device)
    loaded = localizer.memory
    opened = None if scan is None else Scan.open(scan)
    result = localizer.locate(text)
    print(f"{result.status.name}: {result.message}")
    if not result.targets:
        return FAILED
    target, unit = result.targets[0], "m" if loaded.metric else "units"
    seen = sightings(loaded, target.points, localizer.touch)
    if not seen:
        print("no keyframe shows it")
        return FAILED
    best = seen[0]
    x, y, z = best.view.camtoworld[:3, 3]
    name = f" ({best.view.name}, stamp {best.view.stamp:.3f} s)" if best.view.name else ""
    print(
        f"seen in {len(seen)} of {loaded.frames} keyframes, best in {best.index}{name}: from "
        f"{x:.3f}, {y:.3f}, {z:.3f} {unit} in {loaded.frame_id}, {best.distance:.2f} {unit} away, "
        f"on {best.share:.1%} of the picture"
    )
    for row in best.view.camtoworld:
        print("  " + " ".join(f"{value:9.5f}" for value in row))
    picture = keyframe_picture(loaded, best.view, opened)
    picture = draw_box(
        picture, target.box.corners(), best.view.camtoworld, best.view.K, target.label
    )
    print(f"picture: {write_picture(picture, output or memory.with_suffix('.seen.png'))}")
    return OK if result.status is QueryStatus.FOUND else FAILED


@app.command
def trace(
    memory: Positional[Path],
    pixel: tuple[int, int],
    view: int = 0,
    model: str | None = None,
    count: int = 8,
    scan: Path | None = None,
    output: Path | None = None,
    device: str = "auto",
) -> int:
    """Say which components a pixel's feature is read from, and where each of them was seen.

    Args:
        memory: the memory folder.
        pixel: column and row of the pixel, px.
        view: number of the keyframe that contains it, from 0.
        model: foundation model; the memory's first by default.
        count: number of components, those with the largest weights.
        scan: the scan folder that the memory was built from, for the camera's pictures; without it
            the memory's renderings are drawn.
        output: the picture to write; NAME.trace.png beside the memory by default.
        device: as the setting features.device, whatever built the memory.
    """
    from m3_ros.capture.scan import Scan
    from m3_ros.memory.spatial_memory import SpatialMemory
    from m3_ros.view.pictures import write_picture
    from m3_ros.view.trace import trace_picture

    require_at_least(1, count=count)
    loaded = SpatialMemory.load(memory, device)
    opened = None if scan is None else Scan.open(scan)
    _require_view(loaded, view)
    place, (u, v) = loaded.views[view], pixel
    if not (0 <= u < place.width and 0 <= v < place.height):
        raise UsageError(
            f"--pixel {u} {v}: keyframe {view} has {place.width} columns and {place.height} rows"
        )
    name = model or next(iter(loaded.models))
    traces = loaded.trace(name, place.camtoworld, place.K, (v, u), count)
    rest = 1.0 - sum(each.weight for each in traces)
    print(f"pixel {u}, {v} of keyframe {view} reads these components of {name!r}:")
    for each in traces:
        source = loaded.views[each.frame]
        where = f" ({source.name})" if source.name else ""
        print(
            f"  component {each.component}, weight {each.weight:.3f}: "
            f"keyframe {each.frame}{where}, row {each.row}, column {each.column} of its features"
        )
    print(f"  all other components, weight {max(rest, 0.0):.3f}")
    picture = trace_picture(loaded, place, (v, u), traces, _grid(loaded, name, opened), opened)
    print(f"picture: {write_picture(picture, output or memory.with_suffix('.trace.png'))}")
    return OK


def _grid(memory: SpatialMemory, name: str, scan: Scan | None) -> tuple[int, int]:
    """Return rows and columns of a model's feature maps; an older memory needs the model."""
    sources = memory.model(name).sources
    if sources is not None:
        return tuple(sources.grids[0].tolist())
    from m3_ros.features.loading import load_extractor
    from m3_ros.view.memory import keyframe_picture

    picture = keyframe_picture(memory, memory.views[0], scan)
    return load_extractor(name).extract(picture).features.shape[:2]


@evaluate.command
def embeddings(
    memory: Positional[Path],
    scan: Positional[Path],
    model: tuple[str, ...] = (),
    method: Literal["pca", "umap"] = "pca",
    output: Path | None = None,
) -> int:
    """Draw each model's raw features and its bank in two dimensions, coloured by picture.

    Args:
        memory: the memory folder.
        scan: the scan folder that it was built from; features that `m3 features` has left there
            are read.
        model: foundation models, as given to `m3 build --encoder`; those of the memory by default.
        method: PCA, or UMAP where umap-learn is installed.
        output: folder for the pictures, MODEL.embeddings.png; that of the memory by default.
    """
    from m3_ros.capture.scan import Scan
    from m3_ros.features.cache import beside
    from m3_ros.features.loading import load_extractor
    from m3_ros.memory.spatial_memory import SpatialMemory
    from m3_ros.view.embeddings import embeddings_picture
    from m3_ros.view.pictures import write_picture

    loaded, opened = SpatialMemory.load(memory), Scan.open(scan)
    for name in model or loaded.config.features.models:
        extractor = beside(scan, load_extractor(name))
        picture = embeddings_picture(loaded, opened, extractor, method)
        file = (output or memory.parent) / f"{extractor.name}.embeddings.png"
        print(f"picture: {write_picture(picture, file)}")
    return OK
