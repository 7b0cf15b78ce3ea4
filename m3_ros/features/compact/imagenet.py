"""EfficientNet-Lite0 as it was published for ImageNet, as a frozen branch of the compact encoder.

An image is described by the directions that its probable classes have in a space of words: their
mean, weighted by probability (ConSE: Norouzi et al., "Zero-shot learning by convex combination of
semantic embeddings", ICLR 2014). The directions are those of a sentence encoder, all-MiniLM-L6-v2,
in the leading principal components of its words (`tools/compact_imagenet.py`).
"""

from __future__ import annotations

from pathlib import Path

import timm
import torch
import torch.nn.functional as F
from safetensors import safe_open
from safetensors.torch import load_file
from torch import Tensor, nn

CLASSES, WORD_DIM = 1000, 95
"""Classes of ImageNet; principal components of the words."""
SUBSPACE = 64
"""Principal components of the logits of renderings: with 16 and more of them renderings of unseen
structures and photographs are told apart (AUC .98 to .99 on crops)."""
RENDERED, PHOTOGRAPHED = 1.05, 1.35
"""Residuals, in units of that which 99 % of renderings stay below, up to which an image counts
as a rendering and from which as a photograph: of renderings that the fit has not seen, frames of
scans with and without a robot reach .89, clutter .97, and 89 % of single objects of unseen
structures 1.05; of 40 collages of ImageNet's photographs 95 % are above 1.18, 80 % above 1.35."""


class ImagenetBranch(nn.Module):
    """The published network, the directions of its classes, and what renderings look like to it.

    Attributes:
        network: EfficientNet-Lite0 with its classifier.
        directions: `[1000, 95]` unit directions of the classes.
        mean, basis: `[1000]` and `[64, 1000]`, the subspace that standardised logits of renderings
            lie in.
        residual: share of the squared length outside of it that 99 % of renderings stay below.
    """

    def __init__(self) -> None:
        super().__init__()
        self.network = timm.create_model("tf_efficientnet_lite0")
        self.register_buffer("directions", torch.zeros(CLASSES, WORD_DIM))
        self.register_buffer("mean", torch.zeros(CLASSES))
        self.register_buffer("basis", torch.zeros(SUBSPACE, CLASSES))
        self.register_buffer("residual", torch.ones(()))

    @classmethod
    def load(cls, path: Path) -> ImagenetBranch:
        """Read what `tools/compact_imagenet.py` wrote, in float32."""
        branch = cls()
        state = {name: value for name, value in load_file(path).items() if name != "words"}
        branch.load_state_dict(state, strict=False)
        return branch.eval().requires_grad_(False)

    def logits(self, image: Tensor) -> Tensor:
        """Return the logits of ImageNet's classes `[B, 1000, h, w]` for every 32 x 32 px.

        The classifier is applied to each cell instead of the mean of all (class activation
        maps: Zhou et al., CVPR 2016).
        """
        features = self.network.forward_features(image)
        classifier = self.network.classifier
        return F.conv2d(features, classifier.weight[:, :, None, None], classifier.bias).float()

    def words(self, logits: Tensor) -> Tensor:
        """Return the mean direction `[B, 95, h, w]` of the classes of logits `[B, 1000, h, w]`."""
        return torch.einsum("bchw,cd->bdhw", logits.softmax(1), self.directions)

    def outside(self, logits: Tensor) -> Tensor:
        """Return the share `[B]` of standardised logits `[B, 1000]` outside of the subspace."""
        centred = logits - logits.mean(-1, keepdim=True)
        rest = centred / centred.std(-1, keepdim=True) - self.mean
        inside = rest @ self.basis.T
        return (rest.square().sum(-1) - inside.square().sum(-1)) / rest.shape[-1]

    def rendered(self, logits: Tensor) -> Tensor:
        """Return how far logits `[B, 1000]` are those of a rendering, 1 to 0 (a photograph)."""
        beyond = PHOTOGRAPHED - self.outside(logits) / self.residual
        return (beyond / (PHOTOGRAPHED - RENDERED)).clamp(0.0, 1.0)


def word_vectors(path: Path) -> Tensor:
    """Return the directions `[n, 95]` of the words, stored as int8."""
    with safe_open(path, "pt") as file:
        return F.normalize(file.get_tensor("words").float(), dim=-1)
