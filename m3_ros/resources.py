"""Where the package's data files are: in the source tree or in an installed prefix's share/."""

from __future__ import annotations

from pathlib import Path


def resource(name: str) -> Path:
    """Path of a data file such as "config/m3.yaml".

    Raises:
        FileNotFoundError: it is in none of the places; the message lists them.
    """
    here = Path(__file__)
    roots = dict.fromkeys([*here.resolve().parents, *here.absolute().parents])
    places = [place for root in roots for place in (root / name, root / "share/m3_ros" / name)]
    for place in places:
        if place.exists():
            return place
    looked = "\n  ".join(str(place) for place in places)
    raise FileNotFoundError(f"{name} of m3_ros is missing; looked for\n  {looked}")
