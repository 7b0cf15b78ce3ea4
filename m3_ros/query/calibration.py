"""From scores to probabilities: how often an object with such a score was the right one.

`m3 calibrate` fits the three numbers on simulated scenes that no benchmark uses and stores them
beside the model's weights (`m3_ros/features/<model>/calibration.json`). A model without such a
file, or with other weights than the file names, keeps its scores unchanged.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray
from scipy.optimize import minimize

import m3_ros.features
from m3_ros.errors import DataError
from m3_ros.features.extractor import FeatureExtractor
from m3_ros.schema import Coefficient, Text, read_json

RESOLUTION = float(np.finfo(np.float32).eps)
"""Scores are float32; nearer to 0 or 1 than this they are clipped, so that logits stay finite."""


class StoredCalibration(Struct):
    """The file of a calibration."""

    digest: Text
    slope: Coefficient
    offset: Coefficient
    attribute_weight: Coefficient


@dataclass(frozen=True)
class Calibration:
    """Platt's mapping: sigmoid of `slope * logit(score) + offset + attribute_weight * (n - 1)` for
    scores that are the product of those of n attributes.

    Attributes:
        slope, offset: 1 and 0 leave scores as they are.
        attribute_weight: added for every attribute after the first; a product of more is smaller.
    """

    slope: float = 1.0
    offset: float = 0.0
    attribute_weight: float = 0.0

    def __call__(self, score: NDArray[np.float32], attributes: int = 1) -> NDArray[np.float32]:
        """Return probabilities `[...]` of scores `[...]`, 0..1, of so many attributes."""
        logit = (
            self.slope * log_odds(score) + self.offset + self.attribute_weight * (attributes - 1)
        )
        return (1.0 / (1.0 + np.exp(-logit))).astype(np.float32)

    @classmethod
    def of(cls, extractor: FeatureExtractor) -> Calibration:
        """Read what is stored for the weights of `extractor`; the identity where nothing is.

        Raises:
            DataError: the file is damaged.
        """
        path = calibration_file(extractor.name)
        if not path.is_file():
            return cls()
        stored = read_json(path, StoredCalibration, DataError)
        if stored.digest != extractor.digest:
            return cls()
        return cls(stored.slope, stored.offset, stored.attribute_weight)


def calibration_file(model: str) -> Path:
    """Return where the calibration of a model is stored."""
    return Path(m3_ros.features.__file__).parent / model / "calibration.json"


def log_odds(score: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return log(p / (1 - p)) of scores in 0..1."""
    p = np.clip(np.asarray(score, np.float64), RESOLUTION, 1.0 - RESOLUTION)
    return np.log(p) - np.log1p(-p)


def fit_calibration(
    scores: NDArray[np.float64], attributes: NDArray[np.int64], right: NDArray[np.bool_]
) -> Calibration:
    """Fit the mapping under which right and wrong answers are likeliest.

    Right and wrong answers have the same weight in total, for each number of attributes. Each
    counts as right with the probability that so many answers of its kind prove, so that slopes
    stay finite where scores separate right from wrong. Platt, "Probabilistic outputs for support
    vector machines", 1999, with its targets (section 2.2).

    Args:
        scores: `[n]` of the best object for each query, 0..1.
        attributes: `[n]` number of attributes of each query.
        right: `[n]` whether the object was what was asked for.

    Raises:
        ValueError: all answers are right, or all are wrong.
    """
    if right.all() or not right.any():
        raise ValueError("right must hold both right and wrong answers")
    inputs = np.stack([log_odds(scores), np.ones(len(scores)), attributes - 1.0], 1)
    targets = np.where(right, (right.sum() + 1) / (right.sum() + 2), 1 / ((~right).sum() + 2))
    _, group, members = np.unique(2 * attributes + right, return_inverse=True, return_counts=True)
    weight = 1.0 / (len(members) * members[group])

    def loss(values: NDArray[np.float64]) -> float:
        logits = inputs @ values
        return float(weight @ (np.logaddexp(0.0, logits) - targets * logits))

    return Calibration(*minimize(loss, np.array([1.0, 0.0, 0.0]), method="BFGS").x.tolist())
