"""Commands on foundation models: models, features, bench features, bench encoder."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from tqdm import tqdm

from m3_ros.cli.app import FAILED, OK, Positional, app, bench, require_at_least
from m3_ros.config import M3Config
from m3_ros.errors import UsageError


@app.command
def models(
    action: Positional[Literal["list", "verify"]] = "list", name: Positional[str] = "",
    device: str = "cpu", picture: Path = Path("models_verify.png"),
) -> int:  # fmt: skip
    """List the foundation models, or verify that one loads and sees what it should.

    Args:
        action: `list` says whether their weights are here, and how to get them; `verify` loads the
            model `name` and shows it a drawn picture.
        name: name or name:weights, see docs/models.md.
        device: torch device.
        picture: file for the heat map of a verified model.
    """
    if action == "verify":
        return _verify(name, device, picture)
    if name:
        raise UsageError(f"name = {name!r}: it is for `m3 models verify NAME`; list takes none")
    return _list()


def _list() -> int:
    from rich.console import Console
    from rich.table import Table

    from m3_ros.features.model_cards import CARDS, SAM3

    table = Table("model", "what it is", "for", "d", "download", "licence", "texts", "here")
    absent = []
    for card in (*CARDS, SAM3):
        here = card.present
        absent += [] if here else [card]
        size = f"{card.gigabytes:.1f} GB" if card.repositories else "none"
        table.add_row(
            *(card.name, card.what, card.use, str(getattr(card, "dim", "–"))),
            *(size, card.licence, card.texts, "yes" if here else "no"),
        )
    Console(width=None if Console().is_terminal else 160).print(table)
    if absent:
        print("To get weights, on a machine with a network (docs/models.md tells more):")
    for card in absent:
        for command in card.commands:
            print(f"  {card.name}: .venv/bin/{command}")
    return OK


def _verify(name: str, device: str, path: Path) -> int:
    from rich.console import Console
    from rich.table import Table

    from m3_ros.features.verification import TEXTS, draw_picture, verify
    from m3_ros.view.overlay import draw_overlay
    from m3_ros.view.pictures import write_picture

    if not name:
        raise UsageError(
            "name = '': `m3 models verify NAME` needs a model; `m3 models` lists them"
        )
    found = verify(name, device)
    table = Table("", name, title="a drawn picture of 640 x 480 px")
    rows = {
        "digest of weights": found.digest[:12],
        "map": f"{found.grid[0]} x {found.grid[1]} cells of {found.dim}",
        "features of length 1": "yes" if found.unit else "no",
        "time to load, for an image": f"{found.load_s:.1f} s, {found.image_s:.2f} s",
        "memory of the process": f"{found.memory_gb:.1f} GB",
    }
    rows |= {
        f"cosine with {text!r}": f"{value:.3f}"
        for text, value in zip(TEXTS, found.cosines, strict=False)
    }
    rows |= {
        f"{text!r} is highest on it": "yes" if on else "no"
        for text, on in zip(TEXTS, found.on_shape, strict=False)
    }
    for row in rows.items():
        table.add_row(*row)
    Console(width=90).print(table)
    if found.heat is not None:
        low, high = found.heat.min(), found.heat.max()
        scaled = (found.heat - low) / max(high - low, 1e-6)
        rgb = draw_overlay(draw_picture()[0], scaled)
        write_picture(rgb, path)
        print(f"where {TEXTS[0]!r} is: {path}")
    for problem in found.problems:
        print(f"problem: {problem}")
    return FAILED if found.problems else OK


@app.command
def features(
    scan: Positional[Path], models: str = "compact", device: str = "cpu", batch: int = 8
) -> int:
    """Put every image of a scan through models, once; `m3 build` then reads what is there.

    Args:
        scan: the scan folder; the features go to its subfolder features/.
        models: names separated by commas, each a model of `m3 models`, name:weights, or an
            open_clip model.
        device: torch device: auto, cpu, cuda or cuda:N.
        batch: images at once.
    """
    from m3_ros.capture.scan import Scan
    from m3_ros.features.cache import FOLDER, CachedExtractor, fill
    from m3_ros.features.loading import load_extractor

    frames = Scan.open(scan)
    for name in models.split(","):
        cached = CachedExtractor(load_extractor(name, device=device), scan / FOLDER)
        with tqdm(total=len(frames), unit="image", desc=name) as bar:
            fill(cached, (frame.rgb for frame in frames), batch, bar.update)
        size = sum(path.stat().st_size for path in cached.folder.iterdir())
        print(f"{name}: {len(frames)} images in {cached.folder}, {size / 1e6:.1f} MB")
    return OK


@bench.command(name="features")
def bench_features(models: str = "", json: Path | None = None) -> int:
    """Time feature extraction on the CPU.

    Args:
        models: names separated by commas; all whose weights are here by default.
        json: file for the figures.
    """
    from m3_ros.evaluate.bench_features import run

    run([name for name in models.split(",") if name], json)
    return OK


@bench.command(name="encoder")
def bench_encoder(
    data: Path, encoder: str = "compact", per_kind: int = 4, json: Path | None = None
) -> int:
    """Say what an encoder recognises in meshes and photographs by others.

    Args:
        data: folder of these, made by `tools/encoder_data.sh`.
        encoder: name of the model.
        per_kind: renderings of each kind, views of each mesh, a tenth of the tables.
        json: file for the figures.
    """
    require_at_least(1, per_kind=per_kind)
    from m3_ros.evaluate.bench_encoder import run

    run(data, encoder, per_kind, json, M3Config())
    return OK
