"""gsplat's rasterization behind ours: the only place that calls it, after a check of its version.

`KNOWN_VERSIONS` have been read: their `rasterization` takes the arguments of `Request` and returns
what `rasterization` documents.
"""

from __future__ import annotations

import inspect
import logging
from collections.abc import Callable
from functools import cache

from torch import Tensor

from m3_ros.errors import UsageError
from m3_ros.splat.request import Request

logger = logging.getLogger(__name__)

KNOWN_VERSIONS = ("1.5.3",)
PASSED = (*Request.__dataclass_fields__, "packed")
"""The arguments that are passed, by name."""


def rasterize(request: Request) -> tuple[Tensor, Tensor, dict]:
    """Return what gsplat draws of a request: renders, alphas and info, see `rasterization`."""
    return _function()(**vars(request), packed=False)


@cache
def _function() -> Callable:
    import gsplat

    check_version(gsplat.__version__, gsplat.rasterization)
    return gsplat.rasterization


def check_version(version: str, function: Callable) -> None:
    """Refuse a gsplat whose `rasterization` lacks an argument; warn of an unknown version.

    Raises:
        UsageError: An argument that is passed does not exist, or one that is needed is not passed.
    """
    known = ", ".join(KNOWN_VERSIONS)
    parameters = inspect.signature(function).parameters
    lacking = [name for name in PASSED if name not in parameters]
    needed = [
        name
        for name, parameter in parameters.items()
        if name not in PASSED
        and parameter.default is parameter.empty
        and parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
    ]
    if lacking or needed:
        problem = f"takes no {', '.join(lacking)}" if lacking else f"needs {', '.join(needed)}"
        raise UsageError(
            f"gsplat {version} cannot be used: its rasterization {problem}; install a known "
            f"version (pip install gsplat=={KNOWN_VERSIONS[-1]}) or set features.device to cpu"
        )
    if version not in KNOWN_VERSIONS:
        logger.warning(
            "gsplat %s is not a version that has been tried (%s); its arguments fit",
            version,
            known,
        )
