"""A query from text to objects: segment, score, verify.

`Localizer.locate` is the way of every request. The stages are `segment.py` (the memory's objects,
computed once), `score.py` (which of them the query may mean) and `verify.py` (what the live frame
says of those); `grammar.py` parses the text.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from m3_ros.capture.frame import RgbdFrame
from m3_ros.codes import QueryStatus
from m3_ros.config import QueryConfig
from m3_ros.features.extractor import LanguageExtractor
from m3_ros.features.loading import load_language_extractor
from m3_ros.memory.registration import at_nominal_scale
from m3_ros.memory.spatial_memory import SpatialMemory
from m3_ros.query.calibration import Calibration
from m3_ros.query.finder import Finder
from m3_ros.query.presence import PresenceModel, confirmed, load_presence
from m3_ros.query.relations import Relations, Viewpoint
from m3_ros.query.request import Request, parse_request
from m3_ros.query.result import (
    QueryResult,
    TargetObject,
    rescaled,
    summarize,
    summarize_moved,
    summarize_uncertain,
    with_ignored,
)
from m3_ros.query.score import Query, Scorer
from m3_ros.query.segment import Segments
from m3_ros.query.select import Selector, summarize_selection
from m3_ros.query.shape import position_stddev
from m3_ros.query.surface_relations import SurfaceRelations
from m3_ros.query.surfaces import locate_surface, names_surface
from m3_ros.types import Array, Image


class Localizer:
    """Answers queries about one memory; prepared once, safe to share between threads.

    Args:
        memory: where to look.
        extractor: the language-aligned model that the memory was built with.
        config: thresholds; the memory's unless given.
        calibration: from scores to probabilities; what is stored for the model unless given.
        presence: must see in the live frame what a text names, or FOUND becomes UNCERTAIN.

    Attributes:
        memory, extractor, config: as given.
        scale: the memory's units in one unit (m) of `segments`; 1 for a metric memory.
        segments: of the memory, in m.
        scorer: of them.

    Raises:
        ValueError: the memory lacks the model, or was built with other weights of it.
    """

    def __init__(
        self,
        memory: SpatialMemory,
        extractor: LanguageExtractor,
        config: QueryConfig | None = None,
        calibration: Calibration | None = None,
        presence: PresenceModel | None = None,
    ) -> None:
        self.memory, self.extractor, self._presence = memory, extractor, presence
        self.config = config or memory.config.query
        model = memory.model_of(extractor)
        # Thresholds are metres; a memory of another unit is searched at a nominal scale.
        metric = memory if memory.metric else at_nominal_scale(memory)
        self.scale = memory.working_distance / metric.working_distance
        self.segments = Segments(metric, model, self.config)
        calibration = calibration or Calibration.of(extractor)
        self.scorer = Scorer(self.segments, extractor, self.config, calibration)

    @classmethod
    def open(
        cls, folder: str | Path, device: str = "auto", config: QueryConfig | None = None,
        loaded: LanguageExtractor | None = None,
    ) -> Localizer:  # fmt: skip
        """Return a localizer of a memory folder, with the model that its texts are for.

        Args:
            folder: of the memory.
            device: of memory and model, see `choose_device`.
            config: thresholds; the memory's unless given.
            loaded: a model that is used if the memory was built with it.

        Raises:
            MemoryFileError: there is none, or it cannot be read.
            UsageError: the device is not there.
        """
        memory = SpatialMemory.load(folder, device)
        name, model = next(iter(memory.models.items()))
        if loaded is None or (loaded.name, loaded.digest) != (name, model.digest):
            loaded = load_language_extractor(memory.config.features.models[0], device)
        config = config or memory.config.query
        return cls(memory, loaded, config, presence=load_presence(config.presence, device))

    @property
    def touch(self) -> float:
        """Distance by which two objects that touch may seem apart, in the memory's unit."""
        return self.scale * self.segments.touch

    def locate(self, query: str | Image, frame: RgbdFrame | None = None) -> QueryResult:
        """Find what a text names, or what a picture `[H, W, 3]` shows.

        Args:
            query: plain words, or a crop of the object.
            frame: what the camera sees now; None asks the memory alone, and so does a memory
                that is not metric.

        Raises:
            QueryError: the text is empty, too long, or names no object.
        """
        if self.memory.metric:
            result = self._respond(query, frame)
            if self._presence is None or frame is None or not isinstance(query, str):
                return result
            return confirmed(result, self._presence, frame)
        return rescaled(self._respond(query, None), self.scale)

    def _respond(self, query: str | Image, frame: RgbdFrame | None) -> QueryResult:
        if isinstance(query, str):
            request = parse_request(query, self.config.max_query_length)
            if request.structured:
                return self._select(request, frame)
            if names_surface(request):
                return locate_surface(request.label, self.segments, self.target)
            asked = self.scorer.noun(request.noun)
        else:
            asked = self.scorer.query(query)
        values = self.scorer.of_gaussians(asked)
        result = replace(self._locate(asked, values, frame), probabilities=values)
        if asked.unknown:
            result = replace(result, message=self._unknown(asked.unknown))
        return with_ignored(result, self.extractor.name, asked.ignored)

    def _unknown(self, words: str) -> str:
        return f"{self.extractor.name!r} has not learnt what {words!r} is"

    def _select(self, request: Request, frame: RgbdFrame | None) -> QueryResult:
        """Return the response to a request of more than a noun."""
        finder, noun = self._finder(frame), self.scorer.noun

        def find(part: Request) -> list[TargetObject]:
            every = part.rank is not None  # an order is among all that fit
            return finder.find(noun(part.noun), list(map(noun, part.excluded)), every)

        view = Viewpoint.of(request.side, None if frame is None else frame.camtoworld)
        touch = self.segments.touch
        surfaces = SurfaceRelations(self.segments.planes, self.segments.solid, touch)
        selector = Selector(find, surfaces, Relations(view, touch), self.config)
        selection = selector.select(request)
        values = self.scorer.of_gaussians(noun(request.noun))
        heatmap = self._live_heatmap(values, frame)
        nouns = list(map(noun, request.nouns()))
        unknown = [query.unknown for query in nouns]
        result = summarize_selection(selection, request.label, heatmap)
        if any(unknown):
            message = self._unknown(next(filter(None, unknown)))
            result = QueryResult(QueryStatus.NOT_FOUND, [], heatmap, message)
        elif finder.uncertain and selection.targets:
            best, needed = min(finder.uncertain), self.config.found_probability
            result = summarize_uncertain(selection.targets, request.label, heatmap, best, needed)
        elif finder.gone and not selection.targets:
            message = f"{finder.gone[0]!r} is no longer where the memory has it"
            result = QueryResult(QueryStatus.STALE, [], heatmap, message)
        ignored = [word for query in nouns for word in query.ignored]
        return with_ignored(replace(result, probabilities=values), self.extractor.name, ignored)

    def _locate(
        self, query: Query, values: NDArray[np.float32], frame: RgbdFrame | None
    ) -> QueryResult:
        """Return the response without its probabilities `values [N]` of all Gaussians."""
        finder = self._finder(frame)
        targets, heatmap = finder.find(query), self._live_heatmap(values, frame)
        if finder.uncertain:
            best, needed = finder.uncertain[0], self.config.found_probability
            return summarize_uncertain(targets, query.label, heatmap, best, needed)
        if finder.gone:
            return summarize_moved(finder.moved(query), query.label, heatmap)
        return summarize(targets, query.label, heatmap)

    def _finder(self, frame: RgbdFrame | None) -> Finder:
        model = self.extractor
        parts = self.memory, self.segments, self.scorer, model, self.config, frame, self.target
        return Finder(*parts)

    def _live_heatmap(
        self, values: NDArray[np.float32], frame: RgbdFrame | None
    ) -> NDArray[np.float32] | None:
        if frame is None:
            return None
        return self._render(values, frame.camtoworld, frame.K, (frame.width, frame.height))

    def target(
        self,
        label: str,
        points: Array,
        score: float,
        status: QueryStatus = QueryStatus.FOUND,
        id: int = -1,
        visible: bool = False,
        shift: float = 0.0,
    ) -> TargetObject:
        """Return the object at points `[M, 3]` (m), with its box down to what it stands on."""
        box = self.segments.box(points)
        stddev = position_stddev(self.segments.spacing, shift)
        return TargetObject(id, label, score, status, box, stddev, visible, points)

    def heatmap(
        self, query: str | Image, camtoworld: Array, K: Array, size: tuple[int, int]
    ) -> NDArray[np.float32]:
        """Return the probability `[H, W]`, 0..1, of a query from any pose.

        Args:
            query: text or picture.
            camtoworld: `[4, 4]` in the memory's frame.
            K: `[3, 3]` px.
            size: width and height, px.
        """
        values = self.scorer.of_gaussians(self.scorer.query(query))
        return self._render(values, camtoworld, K, size)

    def _render(
        self, values: NDArray[np.float32], camtoworld: Array, K: Array, size: tuple[int, int]
    ) -> NDArray[np.float32]:
        column = torch.from_numpy(values)[:, None]
        return self.memory.render_values(column, camtoworld, K, size)[..., 0].clip(0.0, 1.0)
