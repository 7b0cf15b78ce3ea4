"""A ROS domain of its own for a run on this machine."""

from __future__ import annotations

import os
import random


def isolate() -> str:
    """Keep a run's topics on this machine, in a domain of its own unless one is set; return it."""
    os.environ.setdefault("ROS_AUTOMATIC_DISCOVERY_RANGE", "LOCALHOST")
    # Domains 1 to 101 have safe ports everywhere.
    return os.environ.setdefault("ROS_DOMAIN_ID", str(random.SystemRandom().randint(1, 101)))
