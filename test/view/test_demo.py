"""The demo's report shows where the target's feature is read from, and the features as a map."""

from dataclasses import replace

import numpy as np
import torch

from m3_ros.capture.scan import Scan
from m3_ros.capture.scan_writer import ScanWriter
from m3_ros.memory.sources import Sources
from m3_ros.view import demo


def test_the_report_has_the_trace_of_the_target_and_the_map(
    toy, toy_memory, tmp_path, monkeypatch
):
    monkeypatch.setattr(demo, "load_extractor", lambda *_, **__: toy.model)
    with ScanWriter(tmp_path / "scan") as writer:
        for frame in toy.frames:
            writer.add(frame)
    names = [(frame.name, frame.stamp) for frame in Scan.open(tmp_path / "scan")]
    views = zip(toy_memory.views, names, strict=True)
    views = tuple(replace(view, name=name, stamp=stamp) for view, (name, stamp) in views)
    grids = torch.tensor([[30, 40]] * toy_memory.frames)
    model = replace(toy_memory.models["color"], sources=Sources(grids))
    replace(toy_memory, models={"color": model}, views=views).save(tmp_path / "memory")
    result = demo.DemoResult("red box", 0, scan_folder=tmp_path / "scan")
    result.memory_folder = tmp_path / "memory"
    result.target = np.array([*toy.places["red"], toy.table_z + toy.box / 2])
    demo.write_demo_report(tmp_path, result)
    page = (tmp_path / "report.html").read_text()
    assert page.count('<img alt="Features"') == 2 and "feature is read" in page
    assert page.index("<h2>Memory</h2>") < page.index("<h2>Features</h2>")

    result.target = np.array([0.0, 0.0, 50.0])  # no keyframe shows it
    demo.write_demo_report(tmp_path, result)
    assert (tmp_path / "report.html").read_text().count('<img alt="Features"') == 1
