"""Kill stacks and demonstrations at random moments; count processes that stay (`make orphans`).

Each round starts one of them, waits a random time, sends SIGKILL, SIGTERM or SIGINT, and looks for
processes that it has left. They are known by an environment variable that all of them inherit.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

M3 = Path(__file__).resolve().parents[1] / "m3"
MARK = "M3_ORPHANS_ROUND"
COMMANDS = {
    "demo": (["demo"], 60.0),
    "up m3": (["up", "m3"], 15.0),
    "up simulation": (["up", "simulation"], 10.0),
}
"""Arguments, and the longest time (s) until the signal: start, scan, build of a demonstration."""
SIGNALS = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT)
END = 10.0  # s: the longest that a node which hangs is waited for, see `runtime.END_LIMIT`


def main() -> int:
    """Run the rounds; return 1 where a process stayed or a traceback was printed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    # A shell starts what runs in the background with SIGINT ignored, and so would its children.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    draw, times, faults = random.Random(options.seed), [], 0
    for number in range(options.kills):
        name = draw.choice(list(COMMANDS))
        sent, delay = draw.choice(SIGNALS), draw.uniform(0.0, COMMANDS[name][1])
        took, stayed, said = round_of(number, name, sent, delay)
        traced = "Traceback" in said
        faults += bool(stayed) or traced
        times.append(took)
        remarks = [f"stayed: {' '.join(stayed)}"] if stayed else []
        remarks += ["a traceback was printed"] if traced else []
        print(
            f"{number + 1:3d} {name:14s} {sent.name:8s} after {delay:5.1f} s: "
            f"{'; '.join([f'ended in {took:4.1f} s', *remarks])}",
            flush=True,
        )
        if traced:
            print(said)
    print(f"{options.kills} kills: {faults} faults; longest end {max(times):.1f} s")
    return 1 if faults else 0


def round_of(
    number: int, name: str, sent: signal.Signals, delay: float
) -> tuple[float, list[str], str]:
    """Return the time (s) until no process was left, those that stayed, and what was printed."""
    mark = f"{os.getpid()}-{number}"
    environment = {**os.environ, MARK: mark, "ROS_AUTOMATIC_DISCOVERY_RANGE": "LOCALHOST"}
    environment["ROS_DOMAIN_ID"] = str(102 + number % 100)
    with tempfile.TemporaryDirectory() as folder:
        arguments, _ = COMMANDS[name]
        if name == "demo":
            arguments = [*arguments, "--output", f"{folder}/demo"]
        with (Path(folder) / "log").open("w+") as log:
            process = subprocess.Popen(
                [M3, *arguments], stdout=log, stderr=log, env=environment, cwd=folder,
                start_new_session=True,
            )  # fmt: skip
            time.sleep(delay)
            process.send_signal(sent)
            begun = time.monotonic()
            while (left := marked(mark)) and time.monotonic() - begun < END:
                process.poll()
                time.sleep(0.05)
            took = time.monotonic() - begun
            for pid in left:
                os.kill(pid, signal.SIGKILL)
            process.wait()
            said = "".join(path.read_text() for path in Path(folder).rglob("*log"))
    return took, list(left.values()), said


def marked(mark: str) -> dict[int, str]:
    """Return the commands of all living processes of a round, by process id."""
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if f"{MARK}={mark}\0".encode() in (folder / "environ").read_bytes():
                command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
                if command:  # a zombie has none
                    found[int(folder.name)] = command[:80]
        except OSError:
            continue  # it has ended, or is not ours
    return found


if __name__ == "__main__":
    sys.exit(main())
