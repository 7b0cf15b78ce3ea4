"""Adam for one tensor, laid out as torch.optim's, so that gsplat's strategies can edit its state.

On a CPU torch.optim.Adam costs several passes over memory a step, and seconds of imports before
the first one.
"""

from __future__ import annotations

from collections import defaultdict

import torch
from torch import Tensor

from m3_ros.splat import native

BETAS, EPSILON = (0.9, 0.999), 1e-15


class Adam:
    """Kingma and Ba, "Adam: A Method for Stochastic Optimization", 2015.

    Attributes:
        param_groups: One group with the tensor, "params", and its learning rate, "lr".
        state: "exp_avg" and "exp_avg_sq" of the tensor, and "step", once there was one.
    """

    def __init__(self, parameter: Tensor, lr: float) -> None:
        self.param_groups = [{"params": [parameter], "lr": lr}]
        self.state: dict[Tensor, dict] = defaultdict(dict)

    def extend(self, other: Adam) -> None:
        """Takes over the moments of the optimizer of this tensor's first rows."""
        (x,), (old,) = self.param_groups[0]["params"], other.param_groups[0]["params"]
        if not (moments := other.state[old]):
            return
        padding = x.detach()[len(old) :] * 0
        self.state[x] = {
            "step": moments["step"],
            "exp_avg": torch.cat([moments["exp_avg"], padding]),
            "exp_avg_sq": torch.cat([moments["exp_avg_sq"], padding]),
        }

    def zero_grad(self) -> None:
        """Forgets the gradient."""
        self.param_groups[0]["params"][0].grad = None

    @torch.no_grad()
    def step(self) -> None:
        """Moves the tensor against its gradient; nothing where there is none."""
        (x,) = self.param_groups[0]["params"]
        if x.grad is None:
            return
        state = self.state[x]
        if not state:
            state |= {"step": 0, "exp_avg": torch.zeros_like(x), "exp_avg_sq": torch.zeros_like(x)}
        state["step"] += 1
        first, second, gradient = state["exp_avg"], state["exp_avg_sq"], x.grad.contiguous()
        # The second moment's bias correction moves out of its root, into rate and epsilon.
        root = (1 - BETAS[1] ** state["step"]) ** 0.5
        rate = self.param_groups[0]["lr"] * root / (1 - BETAS[0] ** state["step"])
        if x.device.type == "cpu":
            arrays = x.data, gradient, first, second
            native.call("m3_adam", x.numel(), *arrays, rate, *BETAS, EPSILON * root)
        else:
            first.lerp_(gradient, 1 - BETAS[0])
            second.mul_(BETAS[1]).addcmul_(gradient, gradient, value=1 - BETAS[1])
            x.addcdiv_(first, second.sqrt().add_(EPSILON * root), value=-rate)
