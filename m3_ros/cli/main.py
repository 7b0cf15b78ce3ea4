"""The entry point of `m3`: one function a command, the library does the work."""

from __future__ import annotations

import signal
import sys

from m3_ros.cli import doctor, evaluation, memories, models, stack
from m3_ros.cli.app import FAILED, INTERRUPTED, OK, app

DESCRIPTION = "A robot that remembers where things are, and fetches them."
COMMANDS = (stack, memories, models, doctor, evaluation)
"""Importing these registers their commands."""


def main() -> int:
    """Run the command line; errors a user can mend end in one line, not a trace."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(INTERRUPTED))
    try:
        return app.cli(prog="m3", description=DESCRIPTION, sort_subcommands=False) or OK
    except KeyboardInterrupt:
        print("m3: stopped", file=sys.stderr)
        return INTERRUPTED
    except (ValueError, LookupError, OSError, RuntimeError, ImportError) as error:
        print(f"m3: {error}", file=sys.stderr)
        return FAILED


if __name__ == "__main__":
    sys.exit(main())
