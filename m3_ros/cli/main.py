"""The entry point of `m3`: one function a command, the library does the work."""

from __future__ import annotations

import io
import os
import re
import sys
from collections import Counter

from m3_ros.cli import doctor, evaluation, fits, memories, models, page, paper, scans, stack, views
from m3_ros.cli.app import OK, app
from m3_ros.errors import Kind, M3Error, UsageError, fault_report
from m3_ros.signals import INTERRUPTED

DESCRIPTION = "A robot that remembers where things are, and fetches them."
COMMANDS = (stack, scans, memories, page, views, models, doctor, evaluation, fits, paper)
"""Importing these registers their commands."""
REPEATED = ("--pair",)  # options that are meant to be given several times


def main() -> int:
    """Run the command line; every error ends in one line, and in the exit code of its kind."""
    os.environ.setdefault("OPENCV_LOG_LEVEL", "SILENT")  # its lines beside the one of the error
    if isinstance(sys.stdout, io.TextIOWrapper):  # of a name that the terminal cannot show
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        _refuse_repeats(sys.argv[1:])
        return app.cli(prog="m3", description=DESCRIPTION, sort_subcommands=False) or OK
    except KeyboardInterrupt:
        print("m3: stopped", file=sys.stderr)
        return INTERRUPTED
    except M3Error as error:
        return _fail(str(error), error.kind)
    except OSError as error:
        return _fail(str(error), Kind.FILES)
    except ImportError as error:
        return _fail(_missing(error), Kind.UNAVAILABLE)
    except Exception as error:
        return _fail(fault_report("m3", error), Kind.BUG)


def _refuse_repeats(arguments: list[str]) -> None:
    """Refuse an option that is given twice: the second would replace the first in silence.

    Raises:
        UsageError: one is.
    """
    given = [part.partition("=")[0] for part in arguments if re.match(r"--[a-z]", part)]
    for option, count in Counter(given).items():
        if count > 1 and option not in REPEATED:
            raise UsageError(f"{option} is given {count} times; name all its values after one")


def _missing(error: ImportError) -> str:
    """Return what is not installed, and how to get it where it is a module of m3_ros itself."""
    if (error.name or "").startswith("m3_ros."):
        return f"{error.name} is not installed; build m3_ros again, for instance with `make setup`"
    return str(error)


def _fail(message: str, kind: Kind) -> int:
    """Print one line and return the exit code."""
    print("m3:", " ".join(message.split()), file=sys.stderr)
    return int(kind)


if __name__ == "__main__":
    sys.exit(main())
