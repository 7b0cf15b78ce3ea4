"""Model cards: dimensions, settings of their memory, and how to get their weights."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

NO_TEXTS = "none"
"""`WeightsCard.texts` of a model whose features share no space with text."""


@dataclass(frozen=True, kw_only=True)
class WeightsCard:
    """What weights are, and how to get them.

    Attributes:
        name: by which they are asked for.
        what: one line for a table.
        use: what they are chosen for.
        gigabytes: size of the download.
        licence: of the weights.
        texts: languages or words that they understand.
        repositories: on the Hugging Face Hub, one for each part of the model.
        files: needed files of the repositories, as glob patterns.
    """

    name: str
    what: str
    use: str
    gigabytes: float
    licence: str
    texts: str
    repositories: tuple[str, ...]
    files: tuple[str, ...] = ("*.json", "*.safetensors")

    @property
    def commands(self) -> list[str]:
        """Shell commands that download the weights."""
        wanted = " ".join(f"--include '{pattern}'" for pattern in self.files)
        return [f"hf download {repository} {wanted}" for repository in self.repositories]

    def snapshot(self, repository: str) -> Path | None:
        """Return a repository's folder in the local Hugging Face cache; None when absent."""
        from huggingface_hub import snapshot_download
        from huggingface_hub.errors import LocalEntryNotFoundError

        try:
            folder = Path(snapshot_download(repository, local_files_only=True))
        except LocalEntryNotFoundError:
            return None
        weights = [pattern for pattern in self.files if pattern.endswith((".safetensors", ".pt"))]
        return folder if any(any(folder.glob(pattern)) for pattern in weights) else None

    @property
    def present(self) -> bool:
        """Whether the weights of all its parts are on this machine."""
        return all(self.snapshot(repository) for repository in self.repositories)


@dataclass(frozen=True, kw_only=True)
class ModelCard(WeightsCard):
    """Facts about one foundation model and its default weights.

    Attributes:
        dim: d, the length of its features.
        degrees: s, principal-query channels on every Gaussian (the M3 paper's; of models that it
            does not have, those of the nearest one that it has).
        threshold: cosine at which two features count as the same (the M3 release's, likewise).
    """

    dim: int
    degrees: int
    threshold: float


CARDS = (
    ModelCard(
        name="compact",
        what="text-aligned encoder that ships with m3_ros",
        use="no network, simulation",
        texts="45 kinds, 12 colours, words for photographs",
        dim=240,
        degrees=32,
        threshold=0.94,
        gigabytes=0.0,
        licence="Apache-2.0",
        repositories=(),
    ),
    ModelCard(
        name="clip",
        what="CLIP ViT-L/14 at 336 px, value path of the last block",
        use="paper; desktop GPU",
        texts="English",
        dim=768,
        degrees=16,
        threshold=0.80,
        gigabytes=1.7,
        licence="MIT",
        repositories=("timm/vit_large_patch14_clip_336.openai",),
        files=("open_clip_config.json", "open_clip_model.safetensors"),
    ),
    ModelCard(
        name="siglip",
        what="SigLIP So400m/14 at 384 px, pooling head on every token",
        use="paper; desktop GPU",
        texts="English",
        dim=1152,
        degrees=32,
        threshold=0.85,
        gigabytes=3.5,
        licence="Apache-2.0",
        repositories=("timm/ViT-SO400M-14-SigLIP-384",),
    ),
    ModelCard(
        name="dinov2",
        what="DINOv2 giant, last layer",
        use="appearance without texts",
        texts=NO_TEXTS,
        dim=1536,
        degrees=32,
        threshold=0.75,
        gigabytes=4.5,
        licence="Apache-2.0",
        repositories=("facebook/dinov2-giant",),
    ),
    ModelCard(
        name="seem",
        what="SEEM Focal-L, embeddings of prompted regions",
        use="paper; CUDA",
        texts=NO_TEXTS,
        dim=512,
        degrees=16,
        threshold=1.0,
        gigabytes=1.4,
        licence="AFL-3.0",
        repositories=("xdecoder/SEEM",),
        files=("seem_focall_v1.pt",),
    ),
    ModelCard(
        name="llama3",
        what="Llama 3.1 8B reading BLIP's captions of SAM's regions",
        use="paper; large GPU",
        texts=NO_TEXTS,
        dim=4096,
        degrees=32,
        threshold=1.0,
        gigabytes=20.5,
        licence="Llama 3.1; BSD-3-Clause; Apache-2.0",
        repositories=(
            "meta-llama/Llama-3.1-8B-Instruct",
            "Salesforce/blip-image-captioning-large",
            "facebook/sam-vit-huge",
        ),
    ),
    ModelCard(
        name="llamav",
        what="Llama 3.2 11B Vision: image tower and projector",
        use="paper; large GPU",
        texts=NO_TEXTS,
        dim=4096,
        degrees=32,
        threshold=0.60,
        gigabytes=21.3,
        licence="Llama 3.2",
        repositories=("meta-llama/Llama-3.2-11B-Vision-Instruct",),
    ),
    ModelCard(
        name="siglip2",
        what="SigLIP 2 B/16 at 512 px, pooling head on every token",
        use="laptop CPU with a network",
        texts="many languages",
        dim=768,
        degrees=32,
        threshold=0.85,
        gigabytes=1.5,
        licence="Apache-2.0",
        repositories=("timm/ViT-B-16-SigLIP2-512",),
    ),
    ModelCard(
        name="pe",
        what="Perception Encoder Core B/16, pooling head on every token",
        use="laptop CPU, desktop GPU",
        texts="English",
        dim=1024,
        degrees=32,
        threshold=0.85,
        gigabytes=1.8,
        licence="Apache-2.0",
        repositories=("timm/PE-Core-B-16",),
    ),
    ModelCard(
        name="mobileclip2",
        what="MobileCLIP2 S0, last layer on every cell",
        use="Jetson; research only",
        texts="English",
        dim=512,
        degrees=16,
        threshold=0.80,
        gigabytes=0.3,
        licence="Apple, research only",
        repositories=("timm/MobileCLIP2-S0-OpenCLIP",),
    ),
    ModelCard(
        name="dinov3",
        what="DINOv3 B/16, last layer",
        use="appearance without texts",
        texts=NO_TEXTS,
        dim=768,
        degrees=32,
        threshold=0.75,
        gigabytes=0.3,
        licence="DINOv3 License, gated",
        repositories=("facebook/dinov3-vitb16-pretrain-lvd1689m",),
    ),
)
MODELS = {card.name: card for card in CARDS}
"""Every model by its name."""
SAM3 = WeightsCard(
    name="sam3",
    what="Segment Anything 3: presence of a text in a picture, regions",
    use="verifier of presence; regions for llama3",
    texts="English",
    gigabytes=3.4,
    licence="SAM License, gated",
    repositories=("facebook/sam3",),
)
"""No model of features: `query.presence` and the third part of llama3 take it."""
