"""Llama 3.2 Vision answers from remembered features as from the picture itself."""

import numpy as np
import pytest
import torch

from m3_ros.features.llamav_text import LlamavReader
from m3_ros.features.loading import load_extractor
from m3_ros.memory.attention import gaussian_memory_attention
from m3_ros.memory.psc import MemoryBank
from m3_ros.memory.sources import SourceCollector

CHAT = (
    "<|begin|>{% for message in messages %}<|user|>{% for part in message.content %}"
    "{% if part.type == 'image' %}<|image|>{% else %}{{ part.text }}{% endif %}{% endfor %}<|end|>"
    "{% endfor %}<|assistant|>"
)
SPECIAL = ("<|image|>", "<|user|>", "<|assistant|>", "<|end|>", "<|begin|>")


@pytest.fixture(scope="module")
def folder(tmp_path_factory, save_llamav, word_tokenizer):
    """A tiny whole model with its processor, as published."""
    import transformers
    from transformers.models.mllama.image_processing_pil_mllama import MllamaImageProcessorPil

    tokenizer = transformers.PreTrainedTokenizerFast(
        tokenizer_object=word_tokenizer(SPECIAL),
        unk_token="[UNK]", pad_token="[PAD]", bos_token="<|begin|>", eos_token="<|end|>",
        additional_special_tokens=list(SPECIAL),
    )  # fmt: skip
    path = save_llamav(tmp_path_factory.mktemp("models") / "whole", words=len(tokenizer))
    images = MllamaImageProcessorPil(
        size={"height": 56, "width": 56},
        image_mean=[0.48145466, 0.4578275, 0.40821073],
        image_std=[0.26862954, 0.26130258, 0.27577711],
    )
    transformers.MllamaProcessor(images, tokenizer, chat_template=CHAT).save_pretrained(path)
    return path


@pytest.fixture(scope="module")
def reader(folder) -> LlamavReader:
    return LlamavReader(folder, tokens=12)


def from_the_picture(folder, image, question, tokens) -> str:
    """What transformers generates from the picture, by the model's own processor."""
    import transformers

    processor = transformers.AutoProcessor.from_pretrained(folder)
    model = transformers.MllamaForConditionalGeneration.from_pretrained(folder).eval()
    text = f"<|begin|><|user|><|image|>{question}<|end|><|assistant|>"
    inputs = processor(image, text, add_special_tokens=False, return_tensors="pt")
    written = model.generate(**inputs, max_new_tokens=tokens, do_sample=False)
    start = inputs.input_ids.shape[1]
    return processor.tokenizer.decode(written[0, start:], skip_special_tokens=True).strip()


@pytest.mark.parametrize("size", [(112, 112), (56, 112)])
def test_features_that_went_through_a_memory_give_the_pictures_own_text(
    folder, reader, make_noise, size
):
    """Bank = all features, hard attention: nothing is lost but half precision's rounding."""
    extractor = load_extractor(f"llamav:{folder}")
    image = make_noise(*size)  # it fills its tiles
    found = extractor.extract(image)
    cells = torch.from_numpy(found.features).flatten(0, 1)
    bank, sources = MemoryBank(extractor.dim, 1.0), SourceCollector()
    bank.add(cells, 0)
    sources.add(found)
    read = gaussian_memory_attention(
        cells, torch.eye(extractor.dim), bank.components, temperature=1e-3, top_k=1
    ).reshape(found.features.shape)
    summary = sources.of(bank).summary(0)
    text = reader.answer(read.numpy(), summary, "read the mug")
    assert text == from_the_picture(folder, image, "read the mug", 12)
    assert text != reader.answer(np.zeros_like(found.features), summary, "read the mug")
    assert len(text.split()) > 3


def test_the_question_counts(folder, reader, make_noise):
    found = load_extractor(f"llamav:{folder}").extract(make_noise(56, 56))
    answers = {reader.answer(found.features, found.summary, text) for text in ("duck", "mug red")}
    assert len(answers) == 2


def test_a_model_without_its_processor_is_named(llamav_folder):
    with pytest.raises(FileNotFoundError, match="has no usable processor"):
        LlamavReader(llamav_folder)
