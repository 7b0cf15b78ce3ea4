"""A command ends on SIGINT and SIGTERM at any moment, without a traceback."""

import signal
import subprocess
import sys
import time

import pytest

SIGNALS = pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["int", "term"])
START = "from m3_ros import signals; signals.install(); print('go', flush=True)\n"


def interrupted(body, number):
    """Exit code and errors of a process that gets a signal while it runs `body`."""
    process = subprocess.Popen(
        [sys.executable, "-c", START + body], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True,
    )  # fmt: skip
    assert process.stdout.readline() == "go\n"
    time.sleep(0.1)
    process.send_signal(number)
    _, errors = process.communicate(timeout=60.0)
    assert "Traceback" not in errors and "Exception ignored" not in errors, errors
    return process.returncode, errors


@SIGNALS
def test_an_import_that_would_swallow_the_signal_is_ended(tmp_path, number):
    (tmp_path / "deaf.py").write_text(
        "import time\nwhile True:\n try: time.sleep(60)\n except BaseException: pass\n"
    )
    body = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import deaf"
    assert interrupted(body, number) == (130, "m3: stopped\n")


@SIGNALS
def test_work_that_swallows_the_signal_is_ended(number):
    body = "import time\nwhile True:\n try: time.sleep(60)\n except BaseException: pass"
    assert interrupted(body, number) == (130, "m3: stopped\n")


def test_work_ends_itself_first(tmp_path):
    body = (
        "import time, pathlib\ntry: time.sleep(60)\n"
        f"except KeyboardInterrupt: pathlib.Path({str(tmp_path / 'end')!r}).touch()"
    )
    assert interrupted(body, signal.SIGINT) == (0, "")
    assert (tmp_path / "end").exists()


def test_an_interrupt_that_is_lost_in_a_callback_comes_again():
    body = (
        "import time\n"
        "class Deaf:\n"
        "    def __del__(self): time.sleep(0.4)\n"
        "signals.allow(60.0)\n"
        "try:\n"
        "    del [Deaf()][0]\n"
        "    time.sleep(60.0)\n"
        "except KeyboardInterrupt:\n"
        "    with signals.ending(): time.sleep(0.6)"
    )
    assert interrupted(body, signal.SIGINT) == (0, "")
