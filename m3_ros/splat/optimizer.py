"""Adam for one tensor, with torch.optim's layout of its state, which gsplat's strategies edit.

On a CPU `torch.optim.Adam` takes several passes over memory a step and seconds to import; this
one takes one pass.
"""

from __future__ import annotations

from collections import defaultdict

import torch
from torch import Tensor

from m3_ros.splat import native

LEARNING_RATES = {
    "means": 2e-4,
    "quats": 2e-3,
    "scales": 1e-2,
    "opacities": 5e-2,
    "sh0": 8e-3,
    "shN": 4e-3,
    "rotations": 3e-4,
    "translations": 3e-4,
    "exposures": 2e-3,
}
"""Adam's learning rates at the first step.

Gaussians: those of 3DGS, up to four times as large because a fit here has hundreds of steps, not
30 000. View-dependent colour, shN, 32 times: with 5e-4 it hardly moved; degree 3 with 4e-3 gains
0.6 dB on held-out frames of the real shelf and of the simulated table.

Poses (rad, m) and exposures: Adam moves a value by about its rate a step, and each of 60 frames
gets 10 of 600 steps, so a pose can move by 3 mm and 3 mrad, a gain by 2 %. Larger pose errors are
the task of `align_frames`.
"""
BETAS, EPSILON = (0.9, 0.999), 1e-15
"""Of Adam; the values of 3DGS."""


class Adam:
    """Adam (Kingma and Ba, "Adam: A Method for Stochastic Optimization", ICLR 2015).

    Attributes:
        param_groups: One group with the tensor, "params", and its learning rate, "lr".
        state: "exp_avg", "exp_avg_sq" and "step" of the tensor; empty before the first step.
    """

    def __init__(self, parameter: Tensor, lr: float) -> None:
        self.param_groups = [{"params": [parameter], "lr": lr}]
        self.state: dict[Tensor, dict] = defaultdict(dict)

    def extend(self, other: Adam) -> None:
        """Copy the moments of `other`, the optimizer of this tensor's first rows."""
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
        """Delete the gradient."""
        self.param_groups[0]["params"][0].grad = None

    @torch.no_grad()
    def step(self) -> None:
        """Take one step; without a gradient do nothing."""
        (x,) = self.param_groups[0]["params"]
        if x.grad is None:
            return
        state = self.state[x]
        if not state:
            state |= {"step": 0, "exp_avg": torch.zeros_like(x), "exp_avg_sq": torch.zeros_like(x)}
        state["step"] += 1
        first, second, gradient = state["exp_avg"], state["exp_avg_sq"], x.grad.contiguous()
        # The second moment's bias correction is part of rate and epsilon.
        root = (1 - BETAS[1] ** state["step"]) ** 0.5
        rate = self.param_groups[0]["lr"] * root / (1 - BETAS[0] ** state["step"])
        if x.device.type == "cpu":
            arrays = x.data, gradient, first, second
            native.call("m3_adam", x.numel(), *arrays, rate, *BETAS, EPSILON * root)
        else:
            first.lerp_(gradient, 1 - BETAS[0])
            second.mul_(BETAS[1]).addcmul_(gradient, gradient, value=1 - BETAS[1])
            x.addcdiv_(first, second.sqrt().add_(EPSILON * root), value=-rate)


class Optimizers(dict[str, Adam]):
    """The optimizer of each named parameter, as gsplat's strategies edit them."""

    def replace(self, name: str, parameter: Tensor) -> None:
        """Make an optimizer for a parameter; rows that it had before keep their state."""
        old = self.get(name)
        self[name] = Adam(parameter, LEARNING_RATES[name])
        if old:
            self[name].extend(old)

    def step(self, decay: float) -> None:
        """Take a step of all at their rates times `decay`, and delete the gradients."""
        for name, optimizer in self.items():
            optimizer.param_groups[0]["lr"] = LEARNING_RATES[name] * decay
            optimizer.step()
            optimizer.zero_grad()
