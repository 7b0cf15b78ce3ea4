"""Commands on foundation models: models, features, bench features."""

from __future__ import annotations

from pathlib import Path

from tqdm import tqdm

from m3_ros.cli.app import OK, Positional, app, bench


@app.command
def models() -> int:
    """List the foundation models, whether their weights are here, and how to get them."""
    from rich.console import Console
    from rich.table import Table

    from m3_ros.features.model_cards import CARDS

    table = Table("model", "what it is", "d", "degrees", "download", "licence", "here")
    absent = []
    for card in CARDS:
        here = card.present
        absent += [] if here else [card]
        size = f"{card.gigabytes:.1f} GB" if card.repositories else "none"
        table.add_row(
            *(card.name, card.what, str(card.dim), str(card.degrees)),
            *(size, card.licence, "yes" if here else "no"),
        )
    Console(width=None if Console().is_terminal else 130).print(table)
    if absent:
        print("To get weights, on a machine with a network (docs/models.md tells more):")
    for card in absent:
        for command in card.commands:
            print(f"  {card.name}: .venv/bin/{command}")
    return OK


@app.command
def features(
    scan: Positional[Path], models: str = "compact", device: str = "cpu", batch: int = 8
) -> int:
    """Put every image of a scan through models, once; `m3 build` then reads what is there.

    Args:
        scan: the scan folder; the features go to its subfolder features/.
        models: names separated by commas, each a model of `m3 models`, name:weights, or an
            open_clip model.
        device: torch device, cpu or cuda.
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
