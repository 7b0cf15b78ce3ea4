"""The main job as a user starts it: `m3 demo`, every stage its own process."""

import json
import subprocess
import sys
from pathlib import Path

from ament_index_python.packages import get_package_prefix

M3 = Path(get_package_prefix("m3_ros")) / "bin/m3"
LIMIT = 900.0  # s, far more than it needs: only a hang takes longer


def demo(output, *options):
    """Run the demo; its exit status, what it said, its report."""
    command = [sys.executable, str(M3), "demo", "--output", str(output), *options]
    result = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT)
    said = result.stdout + result.stderr
    assert (output / "report.json").exists(), said
    return result.returncode, said, json.loads((output / "report.json").read_text())


def test_the_duck_is_scanned_remembered_found_and_lifted(tmp_path):
    status, said, report = demo(tmp_path, "--seed", "0")
    assert status == 0, said
    assert (report["status"], report["seed"]) == ("FOUND", 0)
    assert report["lifted"] and report["lift_height_m"] >= 0.10
    assert report["target_error_m"] <= 0.02
    assert {"scan_s", "build_s", "query_s", "grasp_s"} <= set(report["stages"])
    assert {"gaussians", "psnr_db", "components", "size_bytes"} <= set(report["memory"])
    assert report["frames"] >= 20
    assert (tmp_path / "report.html").stat().st_size > 10_000
