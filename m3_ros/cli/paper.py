"""Commands that make the M3 paper's tables: eval features, grounding, retrieval, paper."""

from __future__ import annotations

from pathlib import Path

from m3_ros.cli.app import OK, Positional, evaluate, require_at_least, settings_from
from m3_ros.config import M3Config


@evaluate.command(name="features")
def eval_features(
    scan: Positional[Path], encoder: tuple[str, ...] = ("compact",), random: tuple[int, ...] = (),
    degrees: tuple[int, ...] = (8, 16, 32, 64), config: Path | None = None,
    json: Path | None = None,
) -> int:  # fmt: skip
    """Compare what memories remember of each model, on views that they never saw.

    Args:
        scan: a scan folder.
        encoder: models.
        random: also models with random weights and features of these dimensions.
        degrees: channels of the principal queries.
        config: YAML file of settings.
        json: file of the scores.
    """
    from m3_ros.evaluate.features import run
    from m3_ros.evaluate.random_model import RandomModel
    from m3_ros.features.loading import load_extractor

    models = [load_extractor(name) for name in encoder] + [RandomModel(dim) for dim in random]
    run(scan, settings_from(config), models, degrees, json)
    return OK


@evaluate.command(name="grounding")
def eval_grounding(
    folders: Positional[tuple[Path, ...]] = (), encoder: str = "compact", scenes: int = 2,
    views: int = 40, work: Path = Path("captions"), json: Path | None = None,
) -> int:  # fmt: skip
    """Find the pixels that captions name, on views that the memory never saw (Table 2).

    Args:
        folders: captioned folders (m3_ros/evaluate/captions.py); without any, simulated scenes.
        encoder: name of the model.
        scenes: number of simulated scenes.
        views: of a simulated scan.
        work: folder that keeps the simulated scans.
        json: file for the figures.
    """
    require_at_least(1, scenes=scenes, views=views)
    from m3_ros.evaluate.captions import captioned_folders
    from m3_ros.evaluate.grounding import run
    from m3_ros.features.loading import load_extractor

    config, extractor = M3Config(), load_extractor(encoder)
    run(captioned_folders(folders, scenes, views, work, config), config, extractor, json_path=json)
    return OK


@evaluate.command(name="retrieval")
def eval_retrieval(
    folders: Positional[tuple[Path, ...]] = (), encoder: str = "compact", scenes: int = 2,
    views: int = 40, work: Path = Path("captions"), json: Path | None = None,
) -> int:  # fmt: skip
    """Find regions by captions and captions by regions (Table 2); options as `eval grounding`."""
    require_at_least(1, scenes=scenes, views=views)
    from m3_ros.evaluate.captions import captioned_folders
    from m3_ros.evaluate.retrieval import run
    from m3_ros.features.loading import load_extractor

    config, extractor = M3Config(), load_extractor(encoder)
    run(captioned_folders(folders, scenes, views, work, config), config, extractor, json_path=json)
    return OK


@evaluate.command(name="paper")
def eval_paper(
    data: Positional[Path], encoder: tuple[str, ...] = (), simulate: int = 0, views: int = 60,
    config: Path | None = None, work: Path = Path("paper"),
) -> int:  # fmt: skip
    """Make the paper's tables over a folder of scenes: features, grounding, retrieval, costs.

    Args:
        data: folder of scenes, COLMAP or scan folders, with or without captions.json.
        encoder: models; all whose weights are here by default.
        simulate: add so many captioned simulated scenes to the folder first.
        views: of a simulated scan.
        config: YAML file of settings.
        work: folder of tables.md and rows.json; an evaluation that was broken off goes on there.
    """
    require_at_least(0, simulate=simulate)
    require_at_least(1, views=views)
    from m3_ros.evaluate.paper_run import run

    run(data, encoder, simulate, views, settings_from(config), work)
    return OK
