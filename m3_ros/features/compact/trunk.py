"""The compact encoder's image tower: EfficientNet-Lite0 with a feature pyramid.

Importing this module registers `m3_compact` with timm, which is how open_clip finds it.
"""

from itertools import pairwise

import timm
import torch
import torch.nn.functional as F
from timm.models import register_model
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

DIM, CATEGORY_DIM = 128, 96
"""A feature is a category half and a colour half; each is a unit vector divided by sqrt 2."""
STRIDE = 8
WIDE = 1280
"""Features that EfficientNet-Lite0 reads its classes from."""


def normalize_halves(features: Tensor) -> Tensor:
    """Scale both halves of `[..., 128]` to norm sqrt(1/2), so that the vector has norm 1."""
    halves = features.split([CATEGORY_DIM, DIM - CATEGORY_DIM], dim=-1)
    return torch.cat([F.normalize(half, dim=-1) for half in halves], dim=-1) / 2**0.5


def _conv(inputs: int, outputs: int, kernel: int = 3, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )


def fold_batch_norms(module: nn.Module) -> None:
    """Fold batch norms into the convolutions before them, in place: the same function, faster."""
    children = list(module.named_children())
    for (name, before), (after, norm) in pairwise(children):
        if isinstance(before, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
            setattr(module, name, fuse_conv_bn_eval(before, norm))
            setattr(module, after, getattr(norm, "act", nn.Identity()))  # timm's has its own
    for _, child in children:
        fold_batch_norms(child)


class CompactTrunk(nn.Module):
    """EfficientNet-Lite0 with a feature pyramid: strides 4 to 32, merged at stride 8.

    The pyramid gives objectness and colour. The category is its output plus linear layers on the
    body's maps and on the wide features that ImageNet's classes are read from, which keeps what
    ImageNet's training taught about shapes.
    """

    def __init__(self, width: int = 128) -> None:
        super().__init__()
        self.num_features = DIM
        self.body = timm.create_model(
            "tf_efficientnet_lite0", features_only=True, out_indices=(1, 2, 3, 4)
        )
        c4, c8, c16, c32 = self.body.feature_info.channels()
        self.fine = _conv(c4, width, stride=2)
        self.lateral = nn.ModuleList([_conv(c, width, 1) for c in (c8, c16, c32)])
        self.scene = nn.Conv2d(c32, width, 1)
        self.smooth = _conv(width, width)
        self.merge = nn.Sequential(_conv(width, width), _conv(width, width))
        self.head = nn.Conv2d(width, DIM + 1, 1)
        self.wide = nn.Sequential(nn.Conv2d(c32, WIDE, 1), nn.ReLU6(inplace=True))
        self.kinds = nn.ModuleList([nn.Conv2d(c, CATEGORY_DIM, 1) for c in (c8, c16, c32, WIDE)])
        for layer in self.kinds:
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)

    def dense(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """Return unit features `[B, h, w, 128]` and objectness logits `[B, h, w]`, stride 8."""
        device = image.device.type  # while it trains, batch norms are slow in bfloat16 on a CPU
        mixed = torch.is_autocast_enabled(device) and not self.training
        with torch.autocast(device, enabled=mixed):
            x4, x8, x16, x32 = self.body(image)
        top = self.lateral[2](x32) + self.scene(x32.mean(dim=(2, 3), keepdim=True))
        middle = self.lateral[1](x16) + F.interpolate(top, size=x16.shape[2:])
        middle = F.interpolate(self.smooth(middle), size=x8.shape[2:])
        out = self.head(self.merge(self.lateral[0](x8) + self.fine(x4) + middle)).float()
        for layer, x in zip(self.kinds, (x8, x16, x32, self.wide(x32)), strict=True):
            kind = F.interpolate(layer(x).float(), size=x8.shape[2:], mode="bilinear")
            out[:, :CATEGORY_DIM] += kind
        out = out.permute(0, 2, 3, 1)
        return normalize_halves(out[..., :DIM]), out[..., DIM]

    def forward(self, image: Tensor) -> Tensor:
        """Return a feature an image `[B, 128]`: the mean of cells, weighted by objectness."""
        features, objectness = self.dense(image)
        weight = objectness.sigmoid()[..., None]
        return normalize_halves((weight * features).sum(dim=(1, 2)))


@register_model
def m3_compact(pretrained: bool = False, **_: object) -> CompactTrunk:
    """Create the model for timm; open_clip's `num_classes` and `global_pool` do not apply."""
    if pretrained:
        raise ValueError("m3_compact has no weights of its own; open_clip loads the whole model's")
    return CompactTrunk()
