"""SAM 3 on a tiny random model in the published format: presence of a text, regions."""

import json

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from m3_ros.errors import UsageError
from m3_ros.features.model_cards import MODELS
from m3_ros.features.sam import SamProposer
from m3_ros.features.sam3 import Sam3Verifier


@pytest.fixture(scope="module")
def folder(tmp_path_factory, word_tokenizer):
    """The whole video model, as published, with its tokenizer."""
    import transformers

    vit = {
        "model_type": "sam3_vit_model", "hidden_size": 16, "intermediate_size": 32,
        "num_hidden_layers": 2, "num_attention_heads": 2, "image_size": 56, "patch_size": 14,
        "window_size": 2, "global_attn_indexes": [1], "pretrain_image_size": 28,
    }  # fmt: skip
    vision = {
        "model_type": "sam3_vision_model", "backbone_config": vit, "fpn_hidden_size": 16,
        "backbone_feature_sizes": [[16, 16], [8, 8], [4, 4]],
    }  # fmt: skip
    tokenizer = transformers.PreTrainedTokenizerFast(
        tokenizer_object=word_tokenizer(), pad_token="[PAD]", unk_token="[UNK]"
    )
    layers = {"hidden_size": 16, "num_attention_heads": 2}
    small = layers | {"num_layers": 1, "intermediate_size": 32}
    text = layers | {
        "vocab_size": len(tokenizer), "intermediate_size": 32, "num_hidden_layers": 1,
        "projection_dim": 16, "max_position_embeddings": 32, "eos_token_id": 3,
    }  # fmt: skip
    detector = transformers.Sam3Config(
        vision_config=vision, text_config=text, geometry_encoder_config=dict(small),
        detr_encoder_config=dict(small), detr_decoder_config=small | {"num_queries": 5},
        mask_decoder_config=dict(layers),
    )  # fmt: skip
    prompt = {"hidden_size": 16, "image_size": 56, "patch_size": 14, "mask_input_channels": 4}
    decoder = layers | {"mlp_dim": 32, "num_hidden_layers": 1, "iou_head_hidden_dim": 16}
    tracker = {
        "model_type": "sam3_tracker_video", "vision_config": vision, "image_size": 56,
        "prompt_encoder_config": prompt, "mask_decoder_config": decoder,
        "memory_attention_hidden_size": 16, "memory_attention_feed_forward_hidden_size": 32,
        "memory_attention_num_layers": 1, "memory_attention_num_attention_heads": 1,
        "memory_attention_rope_feat_sizes": [4, 4], "memory_encoder_hidden_size": 16,
        "memory_encoder_output_channels": 8, "mask_downsampler_embed_dim": 16,
        "memory_fuser_embed_dim": 16, "memory_fuser_intermediate_dim": 32,
        "memory_fuser_num_layers": 1,
    }  # fmt: skip
    config = transformers.Sam3VideoConfig(
        detector_config=detector.to_dict(), tracker_config=tracker
    )
    torch.manual_seed(0)
    model = transformers.Sam3VideoModel(config)
    for name, value in model.named_parameters():
        if value.ndim > 1 and ("mask_decoder" in name or "presence_head" in name):
            torch.nn.init.normal_(value, std=0.5)  # else every answer is as good as none
    path = tmp_path_factory.mktemp("models") / "sam3"
    config.save_pretrained(path)  # `model.save_pretrained` would repeat the tracker's prefix
    state = {name: value.contiguous() for name, value in model.state_dict().items()}
    save_file(state, path / "model.safetensors", metadata={"format": "pt"})
    tokenizer.save_pretrained(path)
    return path


@pytest.fixture(scope="module")
def verifier(folder) -> Sam3Verifier:
    return Sam3Verifier(folder)


def test_presence_is_that_of_the_library(folder, verifier, make_noise):
    import transformers

    model = transformers.Sam3Model.from_pretrained(folder).eval()
    image = make_noise(56, 56)  # its own size: nothing is scaled
    ids = verifier._tokenizer("red mug", padding="max_length", max_length=32, return_tensors="pt")
    pixels = torch.from_numpy(image).permute(2, 0, 1)[None] / 127.5 - 1
    with torch.inference_mode():
        out = model(pixels, input_ids=ids.input_ids, attention_mask=ids.attention_mask)
    seen = verifier.see(image, "red mug")
    assert seen.probability == pytest.approx(float(out.presence_logits.sigmoid()), abs=1e-5)
    assert seen.probability != pytest.approx(verifier.see(image, "duck").probability, abs=1e-7)
    assert verifier.see(make_noise(173, 241), "duck " * 50).mask.shape == (173, 241)


def test_the_mask_is_of_the_likely_instances(verifier, make_noise, monkeypatch):
    class Answer:
        presence_logits = torch.tensor([[4.0]])
        pred_logits = torch.tensor([[4.0, -4.0, 4.0]])
        pred_masks = torch.full((1, 3, 4, 4), -1.0)

    Answer.pred_masks[0, 0, :2, :2] = Answer.pred_masks[0, 1] = Answer.pred_masks[0, 2, 3, 3] = 1.0
    monkeypatch.setattr(verifier._model, "forward", lambda **_: Answer)
    mask = verifier.see(make_noise(80, 80), "duck").mask
    assert mask[5, 5] and mask[75, 75] and not mask[5, 75] and not mask[75, 5]


@pytest.mark.parametrize("size", [(173, 241), (56, 56)])
def test_regions_by_points_cover_the_full_image(folder, make_noise, size):
    """Random weights trust nothing, so everything is accepted."""
    settings = {"points": 3, "trust": -9.0, "stability": 0.0, "repeat": 0.9}
    regions = SamProposer(MODELS["llama3"], folder, **settings).propose(make_noise(*size))
    assert regions.shape == size and regions.max() >= 0
    found = np.unique(regions)
    assert found[found >= 0].tolist() == list(range(regions.max() + 1))


def test_points_prompt_the_published_tracker(folder, make_noise):
    """A point's masks are those of the tracker's own forward pass over the picture."""
    proposer = SamProposer(MODELS["llama3"], folder, trust=-9.0, stability=0.0)
    pixels, _, _ = proposer._pixels(make_noise(56, 56))
    points = torch.cartesian_prod(torch.arange(4.0, 56, 8), torch.arange(4.0, 56, 8))
    with torch.inference_mode():
        embedding = proposer._model.get_image_embeddings(pixels)
        logits, scores = proposer._masks(embedding, points)
        whole = proposer._model(pixel_values=pixels, input_points=points[None, :, None])
    best, index = whole.iou_scores[0].max(1)
    masks = whole.pred_masks[0, torch.arange(len(points)), index]
    shown = (masks > 1).flatten(1).any(1)  # of others no mask is left at the higher cut
    assert shown.any()
    torch.testing.assert_close(logits, masks[shown], atol=1e-4, rtol=1e-3)
    torch.testing.assert_close(scores, best[shown], atol=1e-4, rtol=1e-3)


def test_weights_that_are_not_whole_or_of_another_model_are_named(
    folder, cut_weights, sam_folder, tmp_path
):
    cut = cut_weights(folder, tmp_path / "cut", "tracker_model.mask_decoder.conv_s0")
    with pytest.raises(FileNotFoundError, match="lacks 2 tensors such as mask_decoder.conv_s0"):
        SamProposer(MODELS["llama3"], cut)
    with pytest.raises(UsageError, match="model_type 'sam'; it must be sam3_video"):
        Sam3Verifier(sam_folder)
    assert json.loads((folder / "config.json").read_text())["model_type"] == "sam3_video"
