"""A fit on disk, so that one that was killed goes on where it last was."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import save_file

from m3_ros.splat.fit import Fitter


def save_fit(path: str | Path, fitter: Fitter) -> None:
    """Writes everything but the frames; a crash leaves the old file or the new one."""
    tensors = {name: x.detach() for name, x in fitter.params.items()}
    tensors |= {f"camera.{name}": x.detach() for name, x in fitter.cameras.state_dict().items()}
    for name, optimizer in fitter.optimizers.items():
        for moments in optimizer.state.values():
            tensors[f"first.{name}"] = moments["exp_avg"]
            tensors[f"second.{name}"] = moments["exp_avg_sq"]
            tensors[f"step.{name}"] = torch.tensor(moments["step"])
    tensors["order"] = fitter.order.get_state()
    tensors["queue"] = torch.tensor(fitter.queue, dtype=torch.int64)
    tensors["test_frames"] = torch.tensor(fitter.test_frames, dtype=torch.int64)
    tensors["progress"] = torch.tensor([fitter.iteration, fitter.seconds], dtype=torch.float64)
    path = Path(path)
    partial = path.with_name(path.name + ".part")
    save_file({k: x.cpu().contiguous().clone() for k, x in tensors.items()}, partial)
    partial.replace(path)


def load_fit(path: str | Path, fitter: Fitter) -> None:
    """Brings a fitter to where the saved one was; it must hold the same frames.

    Raises:
        ValueError: The file was written by a fit of other frames or settings.
    """
    with safe_open(str(path), "pt", device=str(fitter.device)) as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    held = [len(fitter.frames), fitter.params["shN"].shape[1]]
    saved = [len(tensors["camera.initial"]), tensors["shN"].shape[1]]
    if held != saved:
        raise ValueError(f"{path} is of a fit of [frames, shN] = {saved}, this one has {held}")
    for name in fitter.params:
        fitter.restore(name, tensors[name])
    fitter.cameras.load_state_dict(
        {k.removeprefix("camera."): x for k, x in tensors.items() if k.startswith("camera.")}
    )
    for name, optimizer in fitter.optimizers.items():
        optimizer.state.clear()
        if f"first.{name}" in tensors:
            (x,) = optimizer.param_groups[0]["params"]
            optimizer.state[x] = {
                "step": int(tensors[f"step.{name}"]),
                "exp_avg": tensors[f"first.{name}"],
                "exp_avg_sq": tensors[f"second.{name}"],
            }
    fitter.order.set_state(tensors["order"].cpu())
    fitter.queue = tensors["queue"].tolist()
    fitter.test_frames = tensors["test_frames"].tolist()
    fitter.iteration = int(tensors["progress"][0])
    fitter.seconds = float(tensors["progress"][1])
