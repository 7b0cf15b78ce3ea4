"""Pictures become one animation that a browser plays, of a limited size."""

import io

import numpy as np
from PIL import Image

from m3_ros.view import animation
from m3_ros.view.report import Section, write_html

RAMP = [np.full((30, 40, 3), 20 * n, np.uint8) for n in range(12)]


def test_pictures_are_in_order_in_one_file_that_the_report_embeds(tmp_path):
    stored = animation.animation(RAMP)
    with Image.open(io.BytesIO(stored)) as film:
        assert film.n_frames == 12 and film.size == (400, 300)
        film.seek(11)
        assert abs(np.asarray(film.convert("RGB")).mean() - 220) < 5
    write_html(tmp_path / "report.html", "Run", "s", {}, [Section("Motion", "n", [stored])])
    assert "data:image/webp;base64," in (tmp_path / "report.html").read_text()


def test_pictures_are_left_out_until_the_file_is_small_enough(monkeypatch):
    noise = list(np.random.default_rng(0).integers(0, 255, (9, 60, 80, 3), np.uint8))
    size = len(animation.animation(noise))
    monkeypatch.setattr(animation, "MAX_BYTES", size // 3)
    stored = animation.animation(noise)
    assert len(stored) <= size // 3
    with Image.open(io.BytesIO(stored)) as film:
        assert film.n_frames == 3
