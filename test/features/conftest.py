"""Tiny models with random weights, saved as the real ones are published."""

import json
from pathlib import Path

import numpy as np
import open_clip
import pytest
import torch
from safetensors.torch import load_file, save_file
from timm.models import register_model
from timm.models.eva import Eva
from timm.models.fastvit import FastVit
from timm.models.vision_transformer import VisionTransformer

WORDS = ("thing", "duck", "mug", "red", "yellow", "table", "a", "the", "on", "you", "read")
CHAT = (
    "{% for message in messages %}<|{{ message.role }}|>{{ message.content | trim }}<|end|>"
    "{% endfor %}{% if add_generation_prompt %}<|assistant|>{% endif %}"
)


def noise(height: int = 173, width: int = 241, seed: int = 0) -> np.ndarray:
    """A random image of an awkward size."""
    return np.random.default_rng(seed).integers(0, 255, (height, width, 3), dtype=np.uint8)


@pytest.fixture(scope="session")
def make_noise():
    return noise


@pytest.fixture(scope="session")
def changed_cells():
    """Where features change most when a bright square is put at (row, column) of a grey image."""

    def find(extract, size, square) -> tuple[np.ndarray, np.ndarray]:
        plain = np.full((*size, 3), 90, np.uint8)
        bright = plain.copy()
        top, bottom, left, right = square
        bright[top:bottom, left:right] = 255
        change = np.linalg.norm(extract(bright).features - extract(plain).features, axis=-1)
        centre = np.unravel_index(change.argmax(), change.shape)
        scale = np.array(size) / change.shape
        return (np.array(centre) + 0.5) * scale, change

    return find


@register_model
def vit_tiny_map_test(pretrained=False, pretrained_cfg=None, cache_dir=None, **kwargs):
    """A timm tower of SigLIP's kind: no class token, pooled by attention."""
    kwargs.pop("pretrained_cfg_overlay", None)
    shape = {"img_size": 32, "patch_size": 8, "embed_dim": 32, "depth": 2, "num_heads": 2}
    return VisionTransformer(**shape, class_token=False, **kwargs)


@register_model
def eva_tiny_pe_test(pretrained=False, pretrained_cfg=None, cache_dir=None, **kwargs):
    """A timm tower of Perception Encoder's kind: class token, rotary positions, attention pool."""
    kwargs.pop("pretrained_cfg_overlay", None)
    shape = {"img_size": 32, "patch_size": 8, "embed_dim": 32, "depth": 2, "num_heads": 2}
    rotary = {"use_rot_pos_emb": True, "ref_feat_shape": (4, 4), "rope_grid_indexing": "xy"}
    pool = {"attn_pool_num_heads": 2, "use_pre_transformer_norm": True, "attn_type": "rope"}
    return Eva(**shape, **rotary, **pool, **kwargs)


@register_model
def fastvit_tiny_test(pretrained=False, pretrained_cfg=None, cache_dir=None, **kwargs):
    """A timm tower of MobileCLIP's kind: convolutions, the mean over cells, a linear layer."""
    kwargs.pop("pretrained_cfg_overlay", None)
    return FastVit(layers=(1, 1), embed_dims=(8, 16), mlp_ratios=(2, 2), fork_feat=False, **kwargs)


def word_tokenizer(extra: tuple[str, ...] = ()):
    """A fast tokenizer of a few words and all single characters."""
    from tokenizers import Tokenizer
    from tokenizers.models import WordPiece
    from tokenizers.pre_tokenizers import Whitespace

    characters = [chr(code) for code in range(33, 127)]
    names = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *extra, *WORDS, *characters]
    names += [f"##{character}" for character in characters]
    vocabulary = {name: number for number, name in enumerate(dict.fromkeys(names))}
    tokenizer = Tokenizer(WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = Whitespace()
    return tokenizer


CLIP_TEXT = {"context_length": 77, "vocab_size": 49408, "width": 32, "heads": 2, "layers": 1}
CLIP_VISION = {"image_size": 32, "layers": 2, "width": 32, "head_width": 16, "patch_size": 8}
CLIP = {"embed_dim": 32, "vision_cfg": CLIP_VISION, "text_cfg": CLIP_TEXT}
SIGLIP = {
    "embed_dim": 32,
    "init_logit_bias": -10,
    "custom_text": True,
    "vision_cfg": {
        "image_size": 32,
        "timm_model_name": "vit_tiny_map_test",
        "timm_model_pretrained": False,
        "timm_pool": "map",
        "timm_proj": "none",
    },
    "text_cfg": {
        "context_length": 16,
        "vocab_size": 512,
        "hf_tokenizer_name": "tiny",
        "tokenizer_kwargs": {"clean": "canonicalize"},
        "width": 32,
        "heads": 2,
        "layers": 1,
        "no_causal_mask": True,
        "proj_bias": True,
        "pool_type": "last",
    },
}
BYTE_TEXT = {"context_length": 16, "vocab_size": 49408, "width": 32, "heads": 2, "layers": 1}


def timm_clip(name: str, pool: str) -> dict:
    """An open_clip config of a timm tower whose last layer is the projection."""
    names = {"timm_model_name": name, "timm_model_pretrained": False}
    vision = {"image_size": 32, **names, "timm_pool": pool, "timm_proj": None}
    return {"embed_dim": 24, "custom_text": True, "vision_cfg": vision, "text_cfg": BYTE_TEXT}


HALF = {"mean": [0.5] * 3, "std": [0.5] * 3, "interpolation": "bicubic", "resize_mode": "squash"}


def save_open_clip(folder: Path, model_cfg: dict, preprocess: dict, dtype=torch.float32) -> Path:
    """A random open_clip model in a folder, as on the hub."""
    folder.mkdir()
    config = {"model_cfg": model_cfg, "preprocess_cfg": preprocess}
    (folder / "open_clip_config.json").write_text(json.dumps(config))
    torch.manual_seed(1)
    model = open_clip.create_model(f"local-dir:{folder}", load_weights=False)
    state = {name: value.to(dtype).clone() for name, value in model.state_dict().items()}
    save_file(state, folder / "open_clip_model.safetensors")
    return folder


@pytest.fixture(scope="session")
def clip_folder(tmp_path_factory) -> Path:
    return save_open_clip(tmp_path_factory.mktemp("models") / "clip", CLIP, {})


@pytest.fixture(scope="session")
def siglip_folder(tmp_path_factory) -> Path:
    import transformers

    folder = save_open_clip(tmp_path_factory.mktemp("models") / "siglip", SIGLIP, HALF)
    tokenizer = transformers.PreTrainedTokenizerFast(
        tokenizer_object=word_tokenizer(), pad_token="[PAD]", unk_token="[UNK]"
    )
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def pe_folder(tmp_path_factory) -> Path:
    config = timm_clip("eva_tiny_pe_test", "map")
    return save_open_clip(tmp_path_factory.mktemp("models") / "pe", config, HALF)


@pytest.fixture(scope="session")
def mobileclip_folder(tmp_path_factory) -> Path:
    unscaled = {"mean": [0.0] * 3, "std": [1.0] * 3}
    config = timm_clip("fastvit_tiny_test", "avg")
    return save_open_clip(tmp_path_factory.mktemp("models") / "mobileclip", config, unscaled)


def save_model(folder: Path, make, dtype=torch.float32) -> Path:
    """A random transformers model in a folder: config.json and model.safetensors."""
    torch.manual_seed(0)
    make().to(dtype).save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def cut_weights():
    """Copies a model's folder without some of its tensors."""

    def cut(folder: Path, target: Path, without: str) -> Path:
        target.mkdir()
        for path in folder.iterdir():
            if path.suffix != ".safetensors":
                (target / path.name).write_bytes(path.read_bytes())
        state = load_file(folder / "model.safetensors")
        kept = {name: value for name, value in state.items() if without not in name}
        assert len(kept) < len(state)
        save_file(kept, target / "model.safetensors", metadata={"format": "pt"})
        return target

    return cut


@pytest.fixture(scope="session")
def dinov2_folder(tmp_path_factory) -> Path:
    return save_dinov2(tmp_path_factory.mktemp("models") / "dinov2")


def save_dinov2(folder: Path, dtype=torch.float32) -> Path:
    import transformers

    config = transformers.Dinov2Config(
        hidden_size=32, num_hidden_layers=2, num_attention_heads=2, mlp_ratio=2, image_size=56,
        patch_size=14,
    )  # fmt: skip
    return save_model(folder, lambda: transformers.Dinov2Model(config), dtype)


@pytest.fixture(scope="session")
def llamav_folder(tmp_path_factory) -> Path:
    return save_llamav_model(tmp_path_factory.mktemp("models") / "llamav")


@pytest.fixture(scope="session")
def save_llamav():
    return save_llamav_model


@pytest.fixture(scope="session", name="word_tokenizer")
def word_tokenizer_fixture():
    return word_tokenizer


def save_llamav_model(folder: Path, dtype=torch.float32, words: int = 64) -> Path:
    """A whole Mllama model, language model included; tiles of 56 x 56 px, patches of 14."""
    import transformers

    vision = {
        "hidden_size": 16, "num_hidden_layers": 3, "num_global_layers": 1, "attention_heads": 2,
        "intermediate_size": 32, "vision_output_dim": 48, "image_size": 56, "patch_size": 14,
        "intermediate_layers_indices": [0, 2],
    }  # fmt: skip
    text = {
        "vocab_size": words, "hidden_size": 24, "num_hidden_layers": 2, "num_attention_heads": 2,
        "num_key_value_heads": 2, "intermediate_size": 32, "cross_attention_layers": [1],
        "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2,
        "rope_parameters": {"rope_type": "default", "rope_theta": 10000.0},
    }  # fmt: skip
    config = transformers.MllamaConfig(vision_config=vision, text_config=text)

    def make():
        model = transformers.MllamaForConditionalGeneration(config)
        for name, value in model.named_parameters():
            if "gate" in name:  # zero at the start of training, not after it
                torch.nn.init.constant_(value, 0.5)
        return model

    return save_model(folder, make, dtype)


@pytest.fixture(scope="session")
def llm_folder(tmp_path_factory) -> Path:
    return save_llm(tmp_path_factory.mktemp("models") / "llm")


def save_llm(folder: Path, dtype=torch.float32) -> Path:
    """A causal language model of twelve layers with a chat template."""
    import transformers

    special = ("<|system|>", "<|user|>", "<|assistant|>", "<|end|>")
    tokenizer = transformers.PreTrainedTokenizerFast(
        tokenizer_object=word_tokenizer(special),
        unk_token="[UNK]",
        eos_token="<|end|>",
        additional_special_tokens=list(special),
        chat_template=CHAT,
    )
    config = transformers.LlamaConfig(
        vocab_size=len(tokenizer), hidden_size=32, intermediate_size=64, num_hidden_layers=12,
        num_attention_heads=2, num_key_value_heads=1,
    )  # fmt: skip
    save_model(folder, lambda: transformers.LlamaForCausalLM(config), dtype)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def captioner_folder(tmp_path_factory) -> Path:
    """A BLIP captioner with its image processor and tokenizer."""
    import transformers

    folder = tmp_path_factory.mktemp("models") / "captioner"
    vocabulary = word_tokenizer().get_vocab()
    tokenizer = transformers.BertTokenizerFast(vocab=vocabulary)
    text = {
        "vocab_size": len(tokenizer), "hidden_size": 32, "encoder_hidden_size": 32,
        "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2,
        "bos_token_id": 2, "eos_token_id": 3, "sep_token_id": 3, "pad_token_id": 0,
    }  # fmt: skip
    vision = {
        "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2,
        "num_attention_heads": 2, "image_size": 32, "patch_size": 8,
    }  # fmt: skip
    config = transformers.BlipConfig(text_config=text, vision_config=vision)
    save_model(folder, lambda: transformers.BlipForConditionalGeneration(config))
    size = {"height": 32, "width": 32}
    image_processor = transformers.BlipImageProcessor(size=size)
    transformers.BlipProcessor(image_processor, tokenizer).save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def sam_folder(tmp_path_factory) -> Path:
    import transformers

    vision = {
        "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "image_size": 64,
        "patch_size": 8, "output_channels": 32, "global_attn_indexes": [1], "window_size": 4,
        "num_pos_feats": 16,
    }  # fmt: skip
    prompt = {"hidden_size": 32, "image_size": 64, "patch_size": 8, "mask_input_channels": 4}
    decoder = {
        "hidden_size": 32, "mlp_dim": 32, "num_hidden_layers": 1, "num_attention_heads": 2,
        "iou_head_hidden_dim": 32,
    }  # fmt: skip
    config = transformers.SamConfig(
        vision_config=vision, prompt_encoder_config=prompt, mask_decoder_config=decoder
    )

    def make():
        model = transformers.SamModel(config)
        for name, value in model.mask_decoder.named_parameters():
            if "weight" in name:  # else all masks are as good as zero
                torch.nn.init.normal_(value, std=0.5)
        return model

    return save_model(tmp_path_factory.mktemp("models") / "sam", make)


@pytest.fixture(scope="session")
def save_tiny():
    """Functions that save a tiny model of a name in a folder, in a number type."""
    return {
        "dinov2": save_dinov2,
        "llamav": save_llamav_model,
        "llm": save_llm,
        "clip": lambda folder, dtype: save_open_clip(folder, CLIP, {}, dtype),
    }
