"""The processes that build one memory together, as torchrun starts them; mostly there is one."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

import torch
import torch.distributed as dist
from torch import Tensor

from m3_ros.errors import UnavailableError

T = TypeVar("T")


@dataclass(frozen=True)
class Processes:
    """Processes that do the same steps in the same order, each with its share of the frames.

    Attributes:
        rank: Of this process, from 0; the first one writes.
        count: Of all.
    """

    rank: int = 0
    count: int = 1

    def own(self, items: Sequence[T]) -> Sequence[T]:
        """Return this process's share of items that all have in the same order."""
        return items[self.rank :: self.count]

    def once(self, make: Callable[[], T]) -> T:
        """Return what `make` returns in the first process, which alone calls it."""
        made = [make() if self.rank == 0 else None]
        if self.count > 1:
            with self._connected():
                dist.broadcast_object_list(made)
        return made[0]

    def collect(self, item: T) -> list[T]:
        """Return the items of all processes in the first one, and nothing in the others."""
        if self.count == 1:
            return [item]
        items = [None] * self.count if self.rank == 0 else None
        with self._connected():
            dist.gather_object(item, items)
        return items or []

    def sum_gradients(self, parameters: Iterable[Tensor]) -> None:
        """Add up each parameter's gradient over all processes."""
        if self.count == 1:
            return
        trained = [x for x in parameters if x.requires_grad and x.numel()]
        gradients = [torch.zeros_like(x) if x.grad is None else x.grad for x in trained]
        total = torch.cat([gradient.flatten() for gradient in gradients])
        with self._connected():
            dist.all_reduce(total)
        for x, gradient in zip(trained, total.split([x.numel() for x in trained]), strict=True):
            x.grad = gradient.view_as(x)

    @contextmanager
    def _connected(self) -> Iterator[None]:
        """Translate the error of a process that has lost another.

        Raises:
            UnavailableError: Another process has ended.
        """
        try:
            yield
        except RuntimeError as error:
            raise UnavailableError(
                f"process {self.rank} of {self.count} ends, because another one that builds this "
                "memory has ended; nothing is written, and the other's message says why"
            ) from error


ALONE = Processes()


@contextmanager
def joined() -> Iterator[Processes]:
    """Join the processes that torchrun has started; without it there is one.

    Gradients go through NCCL between GPUs, each process with the one of its number on the machine,
    everything else through gloo.
    """
    if not dist.is_torchelastic_launched():
        yield ALONE
        return
    on_gpu = torch.cuda.is_available()
    if on_gpu:
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    dist.init_process_group("cpu:gloo,cuda:nccl" if on_gpu else "gloo")
    try:
        yield Processes(dist.get_rank(), dist.get_world_size())
    finally:
        dist.destroy_process_group()
