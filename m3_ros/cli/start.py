"""Where the `m3` process begins: signals are handled before anything else is imported."""

from __future__ import annotations

from m3_ros import signals


def main() -> int:
    """Run the command line and return its exit code."""
    signals.install()
    from m3_ros.cli.main import main

    code = signals.INTERRUPTED
    try:
        code = main()
    finally:
        signals.leave(code)
    return code
