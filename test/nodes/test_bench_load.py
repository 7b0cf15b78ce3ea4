import numpy as np

from m3_ros.nodes.bench_load import lost_keyframes

FRAMES = np.arange(300) / 30.0  # s; at 0.1 m/s a keyframe is due every 0.3 s


def test_a_keyframe_at_each_due_frame_loses_none():
    assert lost_keyframes(FRAMES, FRAMES[::9]) == 0
    assert lost_keyframes(FRAMES, FRAMES[::10]) == 0


def test_missing_keyframes_are_counted():
    keyframes = FRAMES[::9]
    assert lost_keyframes(FRAMES, np.delete(keyframes, [3, 10, 11])) == 3


def test_frames_that_were_not_published_are_no_loss():
    gap = (FRAMES > 3.0) & (FRAMES < 5.4)
    assert (
        lost_keyframes(FRAMES[~gap], FRAMES[::9][(FRAMES[::9] <= 3.0) | (FRAMES[::9] >= 5.4)]) == 0
    )
