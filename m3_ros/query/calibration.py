"""From a model's scores to probabilities: how often a thing with such a score was the right one.

`m3 calibrate` fits the three numbers on simulated scenes that no benchmark uses, and stores them
beside the model's weights (`m3_ros/features/<model>/calibration.json`). A model without such a
file, or with other weights than the file names, keeps its scores as they are.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

import m3_ros.features
from m3_ros.features.extractor import FeatureExtractor

EXTREME = 1e-7
"""Scores nearer to 0 or 1 than this are as good as 0 or 1."""


@dataclass(frozen=True)
class Calibration:
    """Platt's mapping `sigmoid(slope * logit(score) + offset + again * (aspects - 1))`.

    Attributes:
        slope, offset: 1 and 0 leave scores as they are.
        again: for every further aspect that a thing had to show; a product of more is smaller.
    """

    slope: float = 1.0
    offset: float = 0.0
    again: float = 0.0

    def __call__(self, score: NDArray[np.float32], aspects: int = 1) -> NDArray[np.float32]:
        """Probabilities `[...]` of scores `[...]` in 0..1 of so many aspects."""
        logit = self.slope * log_odds(score) + self.offset + self.again * (aspects - 1)
        return (1.0 / (1.0 + np.exp(-logit))).astype(np.float32)

    @classmethod
    def of(cls, extractor: FeatureExtractor) -> Calibration:
        """What is stored for the weights of `extractor`; the identity where nothing is.

        Raises:
            ValueError: the file is damaged.
        """
        path = calibration_file(extractor.name)
        if not path.is_file():
            return cls()
        try:
            values = json.loads(path.read_text())
            same = values["digest"] == extractor.digest
            numbers = (float(values[name]) for name in ("slope", "offset", "again"))
            return cls(*numbers) if same else cls()
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"{path} is no calibration: {error!r}") from error


def calibration_file(model: str) -> Path:
    """Where the calibration of a model is kept."""
    return Path(m3_ros.features.__file__).parent / model / "calibration.json"


def log_odds(score: NDArray[np.float32]) -> NDArray[np.float64]:
    """log(p / (1 - p)) of scores in 0..1."""
    p = np.clip(np.asarray(score, np.float64), EXTREME, 1.0 - EXTREME)
    return np.log(p) - np.log1p(-p)


def fit_calibration(
    scores: NDArray[np.float64], aspects: NDArray[np.int64], right: NDArray[np.bool_]
) -> Calibration:
    """The mapping under which right and wrong answers are likeliest.

    Both weigh alike, among questions of one aspect as among those of more. Platt, "Probabilistic
    outputs for support vector machines", 1999.

    Args:
        scores: `[n]` of the best thing for each question, 0..1.
        aspects: `[n]` how many each question had.
        right: `[n]` whether it was what was asked for.

    Raises:
        ValueError: all answers are right, or all are wrong.
    """
    if right.all() or not right.any():
        raise ValueError("right must hold both right and wrong answers")
    inputs = np.stack([log_odds(scores), np.ones(len(scores)), aspects - 1.0], 1)
    sign = np.where(right, 1.0, -1.0)
    _, group, members = np.unique(2 * aspects + right, return_inverse=True, return_counts=True)
    weight = 1.0 / (len(members) * members[group])

    def loss(values: NDArray[np.float64]) -> float:
        return float(weight @ np.logaddexp(0.0, -sign * (inputs @ values)))

    return Calibration(*minimize(loss, np.array([1.0, 0.0, 0.0]), method="BFGS").x.tolist())
