"""Procedural household objects: `make_object("duck", "yellow", seed=0)`."""

from m3_ros.sim.objects.catalog import CATEGORIES, COLORS, SPLITS, held_out_pair, make_object
from m3_ros.sim.objects.model import ObjectModel, Part
from m3_ros.sim.objects.spec import add_object

__all__ = [
    "CATEGORIES",
    "COLORS",
    "SPLITS",
    "ObjectModel",
    "Part",
    "add_object",
    "held_out_pair",
    "make_object",
]
