"""Commands on memories: build, align, query, export."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from tyro.conf import UseAppendAction

from m3_ros.cli.app import FAILED, OK, Positional, app, settings_from
from m3_ros.errors import UsageError
from m3_ros.view.progress import show_stage, stage_bar

if TYPE_CHECKING:
    from m3_ros.memory.spatial_memory import SpatialMemory

PointDistance = tuple[float, float, float, float, float, float, float]
PointPair = tuple[float, float, float, float, float, float]


@app.command
def build(
    scan: Positional[Path],
    memory: Positional[Path | None] = None,
    encoder: tuple[str, ...] = (),
    quality: Literal["draft", "normal", "best"] | None = None,
    config: Path | None = None,
) -> int:
    """Build a memory from a scan folder and measure it on held-out frames.

    Several processes: torchrun --standalone --nproc-per-node N -m m3_ros build SCAN MEMORY.

    Args:
        scan: the scan folder.
        memory: the memory folder to write; memories/NAME by default.
        encoder: models of `m3 models`, name:weights, or open_clip names such as
            ViT-B-16:laion2b_s34b_b88k; the first answers text; by default features.models.
            Features that `m3 features` has left in the scan folder are read.
        quality: how many steps the fit takes; splat.quality by default.
        config: YAML file of settings.
    """
    from m3_ros.capture.scan import Scan
    from m3_ros.features.cache import beside
    from m3_ros.features.loading import load_extractor
    from m3_ros.memory.build import MemoryBuilder
    from m3_ros.memory.serialization import require_writable
    from m3_ros.splat.processes import joined
    from m3_ros.splat.result import held_out
    from m3_ros.view.memory import describe_scores, memory_sheet
    from m3_ros.view.pictures import write_picture

    settings = settings_from(config)
    opened = Scan.open(scan, settings.scan)
    memory = require_writable(memory or Path("memories") / scan.resolve().name)
    encoder = encoder or settings.features.models
    settings = replace(settings, features=replace(settings.features, models=encoder))
    if quality:
        settings = replace(settings, splat=replace(settings.splat, quality=quality))
    device = settings.features.device
    extractors = [beside(scan, load_extractor(name, device=device)) for name in encoder]
    with joined() as processes:
        builder = MemoryBuilder(settings, extractors, opened.points, opened.metric, processes)
        with stage_bar(processes.rank == 0) as bar:
            built = builder.build(opened, lambda *state: show_stage(bar, *state))
    if built is None:  # the first process goes on
        return OK
    built.save(memory)
    print(
        f"{built.frames} frames, {len(built.gaussians)} Gaussians, {built.components} components"
    )
    kept = held_out(len(opened), settings.splat.test_every)
    print(describe_scores(built, builder.scores()))
    sheet = memory_sheet(built, [opened[index] for index in kept or range(len(opened))])
    print(f"memory: {memory}\npictures: {write_picture(sheet, memory.with_suffix('.views.png'))}")
    return OK


@app.command
def align(
    memory: Positional[Path],
    poses: Path | None = None,
    points: Path | None = None,
    pair: UseAppendAction[tuple[PointPair, ...]] = (),
    length: PointDistance | None = None,
    size: tuple[str, float] | None = None,
    frame: str | None = None,
) -> int:
    """Transform a memory of COLMAP's or other coordinates into the robot's frame, in place.

    Needs cameras with known poses in both frames, or at least three point pairs. A known length or
    object gives the scale only.

    Args:
        memory: the memory folder.
        poses: a transforms.json in the robot's frame, m, of some of the memory's images: frames
            with the same file names or stamps.
        points: a text file with a point pair a line: x y z in the memory, x y z in m in the
            robot's frame.
        pair: one such pair of six numbers; repeat it.
        length: two points of the memory, x y z each, and their distance in m.
        size: an object's name and the longest edge of its box in m, for instance "red mug" 0.11.
        frame: name of the robot's frame; the memory's own name by default.
    """
    import numpy as np

    from m3_ros.geometry import split_similarity
    from m3_ros.memory import registration
    from m3_ros.memory.spatial_memory import SpatialMemory

    given = [poses is not None, points is not None or bool(pair), length is not None]
    if sum(given) + (size is not None) != 1:
        raise UsageError("align needs one of --poses, --points or --pair, --length, --size")
    loaded = SpatialMemory.load(memory)
    if length is not None or size is not None:
        factor = _factor(loaded, length, size)
        scaled = replace(registration.scaled(loaded, factor), metric=True)
        scaled = replace(scaled, frame_id=frame or loaded.frame_id)
        registration.without_distant(scaled).save(memory)
        print(f"memory: {memory}, lengths times {factor:.5g} are metres now")
        return OK
    if poses is not None:
        ours, theirs, names = registration.shared_cameras(loaded.views, poses)
        ours, theirs = ours[:, :3, 3], theirs[:, :3, 3]
    else:
        rows = registration.read_pairs(points) if points else np.zeros((0, 6))
        rows = np.concatenate([rows, np.reshape(pair, (-1, 6))])
        ours, theirs = rows[:, :3], rows[:, 3:]
        names = [f"pair {index + 1}" for index in range(len(rows))]
    found = registration.register(ours, theirs, names)
    aligned = registration.transform_memory(loaded, found.similarity, frame or loaded.frame_id)
    registration.without_distant(replace(aligned, metric=True)).save(memory)
    scale, rotation, _ = split_similarity(found.similarity)
    angle = np.degrees(np.arccos(np.clip((np.trace(rotation) - 1) / 2, -1, 1)))
    worst = int(found.residuals.argmax())
    print(f"{len(names)} common points: scale {scale:.4f}, rotation {angle:.1f} degrees")
    print(
        f"residual: rms {1e3 * found.rms:.1f} mm, largest {1e3 * found.residuals[worst]:.1f} mm "
        f"({names[worst]})"
    )
    print(f"memory: {memory}, now in {aligned.frame_id}")
    return OK


def _factor(
    memory: SpatialMemory, length: PointDistance | None, size: tuple[str, float] | None
) -> float:
    """Return metres per unit of a memory, by a length between two points or an object's size."""
    import numpy as np

    from m3_ros.codes import QueryStatus
    from m3_ros.features.loading import load_language_extractor
    from m3_ros.query.answer import Localizer

    if length is not None:
        name, metres = "--length", length[6]
        known = float(np.linalg.norm(np.subtract(length[3:6], length[:3])))
    else:
        name, metres = "--size", size[1]
        encoder = load_language_extractor(memory.config.features.models[0])
        result = Localizer(memory, encoder).locate(size[0])
        if result.status is not QueryStatus.FOUND:
            raise UsageError(f"--size {size[0]!r}: {result.status.name}: {result.message}")
        known = float(result.targets[0].box.size.max())
    if not (0 < metres < np.inf and 0 < known < np.inf):
        raise UsageError(f"{name}: {known:g} units are {metres:g} m; both must be above 0")
    return metres / known


@app.command
def query(
    memory: Positional[Path],
    text: Positional[str],
    output: Path | None = None,
    device: str = "auto",
) -> int:
    """Ask a memory where something is: prints status, position, size, score; draws it.

    Args:
        memory: the memory folder.
        text: what to find, for instance "yellow bath duck".
        output: the picture to write; answer.png beside the memory by default.
        device: as the setting features.device, whatever built the memory.
    """
    from m3_ros.codes import QueryStatus
    from m3_ros.query.answer import Localizer
    from m3_ros.view.memory import answer_picture
    from m3_ros.view.pictures import write_picture

    localizer = Localizer.open(memory, device)
    loaded = localizer.memory
    result = localizer.locate(text)
    print(f"{result.status.name}: {result.message}")
    for found in result.targets:
        place = ", ".join(f"{value:.3f}" for value in found.box.center)
        size = " x ".join(f"{100 * value:.1f}" for value in found.box.size)
        units = ("m", "cm") if loaded.metric else ("units", "hundredths of a unit")
        print(
            f"{found.label}: at {place} {units[0]} in {loaded.frame_id}, {size} {units[1]}, "
            f"score {found.score:.2f}"
        )
    best = result.targets[0] if result.targets else None
    picture = answer_picture(localizer, text, best)
    print(f"picture: {write_picture(picture, output or memory.with_suffix('.answer.png'))}")
    return OK if result.status is QueryStatus.FOUND else FAILED


@app.command
def export(
    memory: Positional[Path],
    target: Positional[Path | None] = None,
    to: Literal["ply", "splat"] = "ply",
) -> int:
    """Write a memory's Gaussians for viewers: a .ply of 3DGS, or a .splat of web viewers.

    Args:
        memory: the memory folder.
        target: the file to write; NAME.ply or NAME.splat here by default.
        to: its format.
    """
    from m3_ros.memory.spatial_memory import SpatialMemory
    from m3_ros.splat import save_ply
    from m3_ros.splat.splat_file import save_splat

    gaussians = SpatialMemory.load(memory).gaussians
    target = target or Path(f"{memory.resolve().name}.{to}")
    (save_ply if to == "ply" else save_splat)(target, gaussians)
    print(f"{len(gaussians)} Gaussians in {target}")
    return OK
