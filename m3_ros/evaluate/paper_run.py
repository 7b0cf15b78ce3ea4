"""Runs `m3 eval paper` over scenes and models, and keeps what is computed.

The rows of a scene and model are computed once: the results folder keeps them, and an evaluation
that was broken off goes on.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from m3_ros.config import M3Config
from m3_ros.errors import DataError
from m3_ros.evaluate.paper import PaperRow, fit_scene, model_rows
from m3_ros.evaluate.paper_scenes import Scene, find_scenes, simulate_scenes
from m3_ros.evaluate.paper_tables import markdown
from m3_ros.features.extractor import FeatureExtractor
from m3_ros.features.loading import load_extractor
from m3_ros.features.model_cards import CARDS
from m3_ros.view.report import write_json


class Results:
    """Rows that are kept in a folder, a file for each scene and model.

    A file holds for settings and weights that it names; another's is computed anew.

    Args:
        folder: of the results; made when needed.
        config: settings of the evaluation.
    """

    def __init__(self, folder: Path, config: M3Config) -> None:
        self._folder = folder / "rows"
        self._settings = json.loads(json.dumps(asdict(config)))

    def read(self, scene: str, extractor: FeatureExtractor) -> list[PaperRow] | None:
        """Return the rows of a scene and model; None where they are still to be computed."""
        try:
            found = json.loads(self._path(scene, extractor).read_text())
        except FileNotFoundError:
            return None
        except ValueError as error:
            where = self._path(scene, extractor)
            raise DataError(f"{where} is damaged ({error}); delete it") from error
        if found["settings"] != self._settings or found["digest"] != extractor.digest:
            return None
        return [
            PaperRow(**{k: tuple(v) if isinstance(v, list) else v for k, v in row.items()})
            for row in found["rows"]
        ]

    def write(self, scene: str, extractor: FeatureExtractor, rows: Sequence[PaperRow]) -> None:
        """Keep the rows of a scene and model."""
        self._folder.mkdir(parents=True, exist_ok=True)
        values = {"settings": self._settings, "digest": extractor.digest}
        write_json(self._path(scene, extractor), values | {"rows": [asdict(row) for row in rows]})

    def _path(self, scene: str, extractor: FeatureExtractor) -> Path:
        return self._folder / f"{scene}.{extractor.name}.json"


def evaluate(
    scenes: Sequence[Scene],
    extractors: Sequence[FeatureExtractor],
    config: M3Config,
    work: Path,
) -> list[PaperRow]:
    """Return the rows of all scenes and models; those that `work` keeps are read there."""
    results, rows = Results(work, config), []
    for scene in scenes:
        fitted = None
        for extractor in extractors:
            found = results.read(scene.name, extractor)
            if found is None:
                fitted = fitted or fit_scene(scene, scene.scan(work, config), config)
                found = model_rows(fitted, extractor, config)
                results.write(scene.name, extractor, found)
            rows += found
    return rows


def run(
    data: Path,
    encoders: Sequence[str],
    simulate: int,
    views: int,
    config: M3Config,
    work: Path,
) -> list[PaperRow]:
    """Evaluate a folder of scenes; print the tables, write them as Markdown and JSON.

    Args:
        data: folder of scenes.
        encoders: names of models; all whose weights are here if there are none.
        simulate: number of simulated scenes that are added to the folder.
        views: of a simulated scan.
        config: settings.
        work: folder of the results.
    """
    simulate_scenes(data, simulate, views, config)
    scenes = find_scenes(data)
    names = encoders or [card.name for card in CARDS if card.present]
    extractors = [load_extractor(name, device=config.features.device) for name in names]
    rows = evaluate(scenes, extractors, config, work)
    write_json(work / "rows.json", {"rows": [asdict(row) for row in rows]})
    (work / "tables.md").write_text(markdown(rows))
    print(markdown(rows))
    print(f"tables: {work / 'tables.md'}, {work / 'rows.json'}")
    return rows
