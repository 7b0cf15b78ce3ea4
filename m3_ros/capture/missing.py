"""Rule for the frames of a scan that lack a file."""

from __future__ import annotations

import logging

from m3_ros.config import ScanConfig
from m3_ros.errors import M3Error

logger = logging.getLogger(__name__)


def check_missing(
    first: str, missing: int, total: int, config: ScanConfig, error: type[M3Error]
) -> None:
    """Tell that frames are left out because a file is missing; do nothing where none is.

    Args:
        first: place and name of the first missing file.
        missing: number of frames that lack a file.
        total: number of all frames.
        config: the largest share that may be missing.
        error: class of the error.

    Raises:
        M3Error: of that class: more are missing.
    """
    if not missing:
        return
    problem = f"{first} is not there; so it is with {missing} of {total} frames"
    share = config.max_missing_share
    if missing > share * total:
        raise error(
            f"{problem}, more than scan.max_missing_share = {share:g} of all; restore the files"
        )
    logger.warning("%s, which are left out", problem)
