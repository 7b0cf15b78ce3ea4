"""A video or a folder of pictures becomes a scan: pictures chosen, placed, upright."""

import json
from dataclasses import replace

import cv2
import numpy as np
import pillow_heif
import pytest
from PIL import Image as Pillow

from m3_ros.capture.importers import import_scan
from m3_ros.capture.importers.picture_choice import choose_frames
from m3_ros.capture.scan import Scan, ScanError
from m3_ros.config import M3Config, PhotographConfig
from m3_ros.geometry import look_at, split_similarity, umeyama

SIZE, F = (240, 320), 300.0
K = np.array([[F, 0, 160], [0, F, 120], [0, 0, 1]])
EYES = [(1.5 * np.cos(a), 1.5 * np.sin(a), 0.8 + 0.1 * (i % 2)) for i, a in
        enumerate(np.linspace(-0.4, 0.4, 6))]  # fmt: skip
POSES = [look_at(eye, [0, 0, 0.25]) for eye in EYES]


QUICK = replace(M3Config(), photographs=PhotographConfig(max_features=600))


@pytest.fixture(scope="module")
def views(textured_room):
    return [textured_room(pose, K, SIZE)[0] for pose in POSES]


def check_placed(scan, index_of):
    """Poses as they were, up to a similarity that keeps z; sizes, no metres, points."""
    frames = list(scan)
    assert len(frames) >= 5
    ours = np.stack([frame.camtoworld[:3, 3] for frame in frames])
    truth = np.stack([POSES[index_of(frame.name)][:3, 3] for frame in frames])
    similarity = umeyama(ours, truth)
    scale, rotation, shift = split_similarity(similarity)
    assert np.abs(scale * ours @ rotation.T + shift - truth).max() < 0.03
    assert rotation[2, 2] > np.cos(0.05)  # z stays up
    for frame in frames:
        assert frame.rgb.shape[:2] == pytest.approx(SIZE, rel=0.03)
        assert frame.K[0, 0] == pytest.approx(F, rel=0.08)
        assert np.count_nonzero(frame.depth) > 20
    assert not scan.metric and len(scan.points[0]) > 100


def save(folder, views):
    """Pictures as a phone held upright stores them: on their side, with EXIF to turn them.

    In each the same piece of the camera's mount is seen, with more texture than the room.
    """
    rng = np.random.default_rng(0)
    mount = cv2.resize(rng.integers(0, 255, (12, 80, 3), np.uint8), (320, 48))
    folder.mkdir()
    exif = Pillow.Exif()
    exif[0x0112] = 6
    exif.get_ifd(0x8769)[0xA405] = round(F / 320 * 35)
    for index, pixels in enumerate(views):
        pixels = np.concatenate([pixels[:-48], mount])
        Pillow.fromarray(np.rot90(pixels)).save(folder / f"{index}.jpg", exif=exif, quality=95)


def test_a_folder_of_photographs(tmp_path, views):
    save(tmp_path / "photos", views)
    (tmp_path / "photos/readme.txt").write_text("no picture")
    stages = []
    target = tmp_path / "scan"

    def interrupt(stage, share):
        if stage == "matches":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        import_scan(tmp_path / "photos", target, interrupt, QUICK)
    assert not target.exists()
    scan = import_scan(tmp_path / "photos", target, lambda stage, _: stages.append(stage), QUICK)
    assert len(scan) == len(EYES)
    check_placed(scan, lambda name: int(name.removesuffix(".jpg")))
    assert "pictures" not in stages and stages[-1] == "import"  # it went on where it was
    assert sorted(path.name for path in tmp_path.iterdir()) == ["photos", "scan"]


def test_a_video_whose_frames_are_partly_blurred(tmp_path, views):
    path = tmp_path / "walk.mp4"
    video = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"mp4v"), 10, SIZE[::-1])
    for pixels in views:
        for blurred in (cv2.blur(pixels, (15, 15)), pixels, cv2.blur(pixels, (9, 9))):
            video.write(cv2.cvtColor(blurred, cv2.COLOR_RGB2BGR))
    video.release()
    scan = import_scan(path, tmp_path / "scan", config=QUICK)
    assert all(int(frame.name.removesuffix(".jpg")) % 3 == 1 for frame in scan)  # the sharp ones
    check_placed(scan, lambda name: int(name.removesuffix(".jpg")) // 3)


def test_a_video_in_which_nothing_moves_is_refused(tmp_path, views):
    path = tmp_path / "still.avi"
    video = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), 10, SIZE[::-1])
    for _ in range(5):
        video.write(views[0])
    video.release()
    with pytest.raises(ScanError, match="still.avi: the picture moves by 0.00 of its width"):
        choose_frames(path, tmp_path, PhotographConfig(), lambda *_: None)


def test_a_file_that_is_no_video_is_named(tmp_path):
    (tmp_path / "a.mp4").write_bytes(b"no video")
    with pytest.raises(ScanError, match="a.mp4 cannot be read as a video"):
        import_scan(tmp_path / "a.mp4", tmp_path / "scan")


def test_pictures_of_nothing_in_common_are_refused_with_a_remedy(tmp_path):
    (tmp_path / "photos").mkdir()
    rng = np.random.default_rng(0)
    for index in range(3):
        noise = rng.integers(0, 255, (*SIZE, 3), np.uint8)
        cv2.imwrite(str(tmp_path / f"photos/{index}.png"), noise)
    with pytest.raises(ScanError, match="0 of 3 pictures could be placed.*overlap by two thirds"):
        import_scan(tmp_path / "photos", tmp_path / "scan")


def test_too_few_pictures_are_refused_before_work(tmp_path, views):
    (tmp_path / "photos").mkdir()
    for index in range(2):
        cv2.imwrite(str(tmp_path / f"photos/{index}.png"), views[index])
    stages: list[str] = []
    with pytest.raises(ScanError, match="photos: 2 pictures, fewer than photographs.min_placed"):
        import_scan(tmp_path / "photos", tmp_path / "scan", lambda stage, _: stages.append(stage))
    assert "features" not in stages


def test_heic_pictures_are_read(tmp_path, views):
    (tmp_path / "images").mkdir()
    pillow_heif.from_pillow(Pillow.fromarray(views[0])).save(
        tmp_path / "images/a.HEIC", quality=90
    )
    frame = {"file_path": "images/a.HEIC", "transform_matrix": np.eye(4).tolist()}
    (tmp_path / "transforms.json").write_text(json.dumps({"fl_x": F, "frames": [frame]}))
    (frame,) = Scan.open(tmp_path)
    assert np.abs(frame.rgb.astype(int) - views[0]).mean() < 10
