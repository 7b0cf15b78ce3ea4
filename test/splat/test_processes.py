"""Two processes that share the frames of each step fit what one process fits."""

import pickle
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import torch
import torch.distributed as dist

from m3_ros.config import SplatConfig
from m3_ros.errors import UnavailableError, UsageError
from m3_ros.splat.fitter import Fitter
from m3_ros.splat.processes import ALONE, Processes, joined

STEPS = 50
CONFIG = SplatConfig(voxel_size=0.012, max_iterations=2 * STEPS, coarse_width=80)


@contextmanager
def group(store, rank):
    """Join two processes through a file."""
    place, limit = f"file://{store}", timedelta(minutes=1)
    dist.init_process_group("gloo", place, limit, world_size=2, rank=rank)
    try:
        yield Processes(rank, 2)
    finally:
        dist.destroy_process_group()


def fitted(frames, processes=ALONE):
    fitter = Fitter(CONFIG, processes=processes, batch=2)
    fitter.add(frames)
    fitter.run()
    return fitter


def test_two_processes_fit_as_one_and_none_waits_for_one_that_ended(table_frames, tmp_path):
    frames, store = table_frames[:8], tmp_path / "store"
    (tmp_path / "frames").write_bytes(pickle.dumps(frames))
    other = subprocess.Popen([sys.executable, __file__, tmp_path])  # as the second process
    with group(store, 0) as processes:
        together = fitted(frames, processes)
        assert other.wait(60) == 0
        assert together.iteration == 2 * STEPS
        with pytest.raises(UnavailableError, match=r"^process 0 of 2 ends, because another one"):
            together.step()
    alone = fitted(frames)
    for name, x in alone.gaussians.tensors.items():
        assert torch.allclose(x, together.gaussians.tensors[name], atol=1e-4), name
    of_second = torch.load(tmp_path / "second")
    for name, x in together.gaussians.tensors.items():
        assert torch.equal(of_second[name], x), name


def test_without_torchrun_there_is_one_process():
    with joined() as processes:
        assert processes is ALONE and processes.own([3, 4]) == [3, 4]
        assert processes.once(lambda: 5) == 5 and processes.collect(6) == [6]


def test_processes_refuse_to_split_gaussians(table_frames):
    fitter = Fitter(replace(CONFIG, densify="always"), batch=2)
    with pytest.raises(UsageError, match="one process only"):
        fitter.add(table_frames[:2])


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    torch.set_num_threads(1)
    with group(folder / "store", 1) as processes:
        fitter = fitted(pickle.loads((folder / "frames").read_bytes()), processes)
    torch.save(fitter.gaussians.tensors, folder / "second")
