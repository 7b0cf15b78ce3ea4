"""Stage 1 of the compact encoder: the image tower learns categories and colours of cells."""

import math
import socket
from dataclasses import dataclass
from multiprocessing import parent_process
from pathlib import Path

import cv2
import torch
from compact_loss import Encoder, loss
from compact_pictures import Pictures
from torch import distributed, nn

TILE_SHARE = 0.5
"""Share of the batches that are tiles of single objects; the others are windows."""


@dataclass(frozen=True)
class TrainOptions:
    """Options of the training of the image tower.

    Attributes:
        folders: rendered data sets.
        output: folder of the checkpoint.
        steps: length of the whole schedule, a resumed part included.
        batch: windows a step and worker, or a fifth of the tiles.
        workers: processes, one thread each.
        rate: peak learning rate.
        start: exported model to start from, in place of ImageNet.
    """

    folders: list[Path]
    output: Path
    steps: int
    seed: int = 0
    resume: bool = False
    device: str = "cpu"
    batch: int = 8
    workers: int = 2
    rate: float = 1e-3
    start: Path | None = None


def _share_gradients(encoder: nn.Module, workers: int) -> None:
    """Average the gradients of all workers."""
    if workers > 1:
        gradients = [p.grad for p in encoder.parameters() if p.grad is not None]
        flat = torch.cat([g.flatten() for g in gradients])
        distributed.all_reduce(flat)
        parts = (flat / workers).split([g.numel() for g in gradients])
        for gradient, part in zip(gradients, parts, strict=True):
            gradient.copy_(part.view_as(gradient))


def train_worker(rank: int, options: TrainOptions, port: int) -> None:
    """Run one of the training processes; rank 0 writes checkpoints and prints."""
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    if options.workers > 1:
        distributed.init_process_group(
            "gloo",
            init_method=f"tcp://127.0.0.1:{port}",
            rank=rank,
            world_size=options.workers,
        )
    torch.manual_seed(options.seed)
    device = options.device
    encoder = Encoder()
    if options.start is not None:
        encoder.load_exported(options.start)
    encoder = encoder.to(device, memory_format=torch.channels_last)
    average = torch.optim.swa_utils.AveragedModel(
        encoder, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(0.98), use_buffers=True
    )
    learnt = [p for p in encoder.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(learnt, weight_decay=0.02, fused=True)
    path, step = options.output / "image_tower.pt", 0
    if options.resume and path.exists():
        state = torch.load(path, weights_only=True, map_location=device)
        encoder.load_state_dict(state["encoder"])
        average.load_state_dict(state["average"])
        optimizer.load_state_dict(state["optimizer"])
        step = state["step"]
    pictures = Pictures(options.folders)
    log: dict[str, float] = {}
    parent = parent_process()  # None where there is one worker: this process
    batches = pictures.batches(options.batch, TILE_SHARE, options.seed + 1000 * rank + step)
    for arrays in batches:
        done = step / options.steps
        if done >= 1 or (parent is not None and not parent.is_alive()):
            break
        cosine = 0.5 + 0.5 * math.cos(math.pi * done)
        for group in optimizer.param_groups:
            warm = min(1.0, done / 0.02 + 0.01)
            group["lr"] = options.rate * warm * cosine
        total, figures = loss(encoder, *(array.to(device) for array in arrays))
        optimizer.zero_grad(set_to_none=True)
        total.backward()
        _share_gradients(encoder, options.workers)
        torch.nn.utils.clip_grad_norm_(encoder.parameters(), 5.0)
        optimizer.step()
        step += 1
        if step % 4 == 0:
            average.update_parameters(encoder)
        for name, value in figures.items():
            if math.isfinite(value):  # a batch may show no colour that counts
                log[name] = 0.98 * log.get(name, value) + 0.02 * value
        if rank == 0 and step % 50 == 0:
            shown = "  ".join(f"{name} {value:.3f}" for name, value in log.items())
            print(f"{100 * done:5.1f} %  step {step}  {shown}", flush=True)
        if rank == 0 and (step % 100 == 0 or step == options.steps):
            _save(path, encoder, average, optimizer, step)
    batches.close()
    if options.workers > 1:
        distributed.destroy_process_group()


def _save(
    path: Path,
    encoder: Encoder,
    average: torch.optim.swa_utils.AveragedModel,
    optimizer: torch.optim.Optimizer,
    step: int,
) -> None:
    state = {
        "encoder": encoder.state_dict(),
        "average": average.state_dict(),
        "optimizer": optimizer.state_dict(),
        "step": step,
    }
    torch.save(state, path.with_suffix(".tmp"))
    path.with_suffix(".tmp").replace(path)


def train(options: TrainOptions) -> Encoder:
    """Train for a number of steps; returns the running average of the weights.

    Checkpoints go to `output/image_tower.pt` every 100 steps. The rate warms up for 2 % of the
    steps and falls along a cosine to zero at their end.
    """
    if options.workers > 1:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        torch.multiprocessing.spawn(train_worker, (options, port), nprocs=options.workers)
    else:
        train_worker(0, options, port=0)
    return trained(options.output)


def trained(output: Path) -> Encoder:
    """Load the averaged image tower of the newest checkpoint."""
    encoder = Encoder()
    state = torch.load(output / "image_tower.pt", weights_only=True, map_location="cpu")
    wanted = {
        k.removeprefix("module."): v for k, v in state["average"].items() if k != "n_averaged"
    }
    encoder.load_state_dict(wanted)
    return encoder.eval()
