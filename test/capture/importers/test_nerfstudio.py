"""nerfstudio folders come in with the poses and images they had."""

import numpy as np

from m3_ros.capture.importers import import_scan
from m3_ros.capture.scan import ScanWriter


def test_a_folder_comes_in_as_it_was(tmp_path, frames):
    with ScanWriter(tmp_path / "theirs") as writer:
        for frame in frames:
            writer.add(frame)
    scan = import_scan(tmp_path / "theirs", tmp_path / "ours")
    for ours, theirs in zip(scan, frames, strict=True):
        np.testing.assert_array_equal(ours.rgb, theirs.rgb)
        np.testing.assert_allclose(ours.camtoworld, theirs.camtoworld, atol=1e-12)
        np.testing.assert_allclose(ours.depth, theirs.depth, atol=1e-6)
