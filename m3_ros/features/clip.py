"""CLIP as a dense extractor: any open_clip model, its last block read without attention.

Vision transformers give dense features through the value path of the last block (MaskCLIP, Zhou
et al., ECCV 2022): each token keeps its own value instead of mixing with the others.
"""

import hashlib
from pathlib import Path

import numpy as np
import open_clip
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from open_clip.transform import PreprocessCfg, image_transform_v2
from open_clip.transformer import VisionTransformer
from PIL import Image
from torch import Tensor

from m3_ros.features.extractor import FeatureMap, check_image

TEMPLATES = ("a photo of a {}.", "a {} on a table.", "a close-up photo of a {}.", "the {}.")
CONTRASTS = ["object", "things", "stuff", "texture", "table", "background"]


def _load(architecture: str, pretrained: str, device: str) -> torch.nn.Module:
    """Build an open_clip model with its weights, or say in one sentence what is missing."""
    if architecture not in open_clip.list_models():
        raise ValueError(
            f"architecture is {architecture!r}; it must be one of open_clip.list_models()"
        )
    is_tag = pretrained in open_clip.list_pretrained_tags_by_model(architecture)
    if not is_tag and not Path(pretrained).is_file():
        raise FileNotFoundError(
            f"weights of {architecture}: {pretrained!r} is neither a file nor one of open_clip's "
            f"tags {open_clip.list_pretrained_tags_by_model(architecture)}; name one of the tags "
            "to download it, or the path of a checkpoint you have"
        )
    try:
        return open_clip.create_model(architecture, pretrained, device=device)
    except (OSError, RuntimeError) as error:
        cause = str(error).splitlines()[0]
        raise FileNotFoundError(
            f"weights of {architecture}:{pretrained} could not be loaded ({cause}); looked in the "
            "Hugging Face cache and on the hub; on a machine with a network run "
            f"`python -c \"import open_clip; open_clip.create_model('{architecture}', "
            f"'{pretrained}')\"` and copy ~/.cache/huggingface here, or pass a checkpoint's path"
        ) from error


def _interpolate_positions(visual: VisionTransformer, grid: tuple[int, int]) -> Tensor:
    """Position embeddings `[1 + h w, width]` for another grid of patches."""
    position = visual.positional_embedding
    h, w = visual.grid_size
    patches = position[1:].reshape(1, h, w, -1).permute(0, 3, 1, 2)
    patches = F.interpolate(patches, size=grid, mode="bicubic", align_corners=False)
    return torch.cat([position[:1], patches[0].flatten(1).T])


class ClipExtractor:
    """An open_clip vision transformer and its text tower.

    Args:
        architecture: one of `open_clip.list_models()` with a plain vision transformer.
        pretrained: one of its pretrained tags, or the path of a checkpoint.
        device: torch device.
        patches: patches along an image's longer side.

    Raises:
        ValueError: for an unknown architecture, or one whose image tower is not such a ViT.
        FileNotFoundError: when the weights are missing.
    """

    degrees = 16
    threshold = 0.8

    def __init__(
        self, architecture: str, pretrained: str, device: str = "cpu", patches: int = 28
    ) -> None:
        model = _load(architecture, pretrained, device).eval()
        if not isinstance(model.visual, VisionTransformer):
            raise ValueError(
                f"architecture is {architecture!r}, whose image tower is a "
                f"{type(model.visual).__name__}; dense features need a VisionTransformer"
            )
        self.name = "clip"
        self._model, self._device, self._patches = model, torch.device(device), patches
        self._tokenizer = open_clip.get_tokenizer(architecture)
        self._whole = image_transform_v2(
            PreprocessCfg(**model.visual.preprocess_cfg), is_train=False
        )
        self.dim = int(model.visual.output_dim)
        self.logit_scale = float(model.logit_scale.exp().detach())
        self.digest = self._weights_digest()

    def _weights_digest(self) -> str:
        digest = hashlib.sha256()
        for name, value in sorted(self._model.state_dict().items()):
            digest.update(name.encode())
            digest.update(value.cpu().flatten().view(torch.uint8).numpy().tobytes())
        return digest.hexdigest()

    def _input(self, rgb: NDArray[np.uint8]) -> Tensor:
        """Scale the full image to whole patches, normalise it as the model wants."""
        check_image(rgb)
        height, width = rgb.shape[:2]
        patch = self._model.visual.patch_size
        scale = self._patches / max(height, width)
        size = [max(1, round(s * scale)) * p for s, p in zip((height, width), patch, strict=True)]
        image = torch.from_numpy(np.ascontiguousarray(rgb)).permute(2, 0, 1)[None].float() / 255
        image = F.interpolate(image, size=size, mode="bicubic", antialias=True).clamp(0, 1)
        config = self._model.visual.preprocess_cfg
        mean, std = (torch.tensor(config[key])[:, None, None] for key in ("mean", "std"))
        return ((image - mean) / std).to(self._device)

    @torch.inference_mode()
    def extract(self, rgb: NDArray[np.uint8]) -> FeatureMap:
        """Unit features of an image `[H, W, 3]`, one a patch."""
        visual, image = self._model.visual, self._input(rgb)
        tokens = visual.conv1(image)
        grid = tuple(tokens.shape[2:])
        tokens = tokens.flatten(2).transpose(1, 2)
        tokens = torch.cat([visual.class_embedding.expand(1, 1, -1), tokens], dim=1)
        tokens = visual.ln_pre(tokens + _interpolate_positions(visual, grid))
        *blocks, last = visual.transformer.resblocks
        for block in blocks:
            tokens = block(tokens)
        tokens = tokens + last.ls_1(_value_path(last.attn, last.ln_1(tokens)))
        tokens = tokens + last.ls_2(last.mlp(last.ln_2(tokens)))
        tokens = visual.ln_post(tokens[:, 1:])
        if visual.proj is not None:
            tokens = tokens @ visual.proj
        found = F.normalize(tokens[0].float(), dim=-1).reshape(*grid, -1).cpu().numpy()
        return FeatureMap(found, np.ones(grid, dtype=bool))

    @torch.inference_mode()
    def encode_image(self, rgb: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Unit feature `[d]` of the whole image, by the model's own preprocessing."""
        check_image(rgb)
        image = self._whole(Image.fromarray(rgb))[None].to(self._device)
        return self._model.encode_image(image, normalize=True)[0].float().cpu().numpy()

    @torch.inference_mode()
    def encode_text(self, texts: list[str]) -> NDArray[np.float32]:
        """Unit features `[m, d]`: the mean over a few prompt templates."""
        phrases = [template.format(text) for text in texts for template in TEMPLATES]
        tokens = self._tokenizer(phrases).to(self._device)
        features = self._model.encode_text(tokens, normalize=True).float()
        mean = features.reshape(len(texts), len(TEMPLATES), -1).mean(dim=1)
        return F.normalize(mean, dim=-1).cpu().numpy()

    def contrasts(self, prompt: str) -> list[str]:
        """The same few words whatever the prompt."""
        return [word for word in CONTRASTS if word != prompt]


def _value_path(attention: torch.nn.MultiheadAttention, tokens: Tensor) -> Tensor:
    """Each token's own value, projected, as if it attended to nothing but itself."""
    width = attention.embed_dim
    value = F.linear(
        tokens, attention.in_proj_weight[2 * width :], attention.in_proj_bias[2 * width :]
    )
    return F.linear(value, attention.out_proj.weight, attention.out_proj.bias)
