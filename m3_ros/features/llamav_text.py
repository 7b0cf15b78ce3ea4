"""Text from the image features of Llama 3.2 Vision: the paper's X = F_dec(R).

The language model reads features through its cross-attention, in place of what its own image
tower gives. A memory renders those of the cells of a view; the class tokens are those of a
keyframe. What the tower gives of the black part of a canvas, beside a picture that does not fill
it, is left out.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from m3_ros.features.model_cards import MODELS
from m3_ros.features.weights import find_weights, load_pretrained, missing, transformers_for

QUESTION = "Describe what you see."


class LlamavReader:
    """The whole Mllama model, that answers from features of an image.

    Args:
        weights: folder or name on the Hugging Face Hub of a `MllamaForConditionalGeneration`, as
            for the extractor `llamav`.
        device: torch device.
        tokens: longest answer.

    Raises:
        FileNotFoundError: weights, or the processor with its chat template, are missing.
    """

    def __init__(
        self, weights: str | Path | None = None, device: str = "cpu", tokens: int = 100
    ) -> None:
        card = MODELS["llamav"]
        transformers = transformers_for(card)
        folder = find_weights(card, weights)
        whole = load_pretrained(transformers.MllamaForConditionalGeneration, folder, card)
        whole.__class__ = _reading_once(transformers)
        try:
            self._processor = transformers.AutoProcessor.from_pretrained(
                folder, local_files_only=True
            )
        except (OSError, ValueError) as error:
            cause = next(iter(str(error).splitlines()), type(error).__name__)
            raise missing(card, f"{folder} has no usable processor ({cause})") from error
        self._model, self._length = whole.to(device), tokens

    def prompt(self, question: str) -> str:
        """Return a question about an image in the model's chat format."""
        content = [{"type": "image"}, {"type": "text", "text": question}]
        return self._processor.apply_chat_template(
            [{"role": "user", "content": content}], add_generation_prompt=True, tokenize=False
        )

    @torch.inference_mode()
    def answer(
        self,
        features: NDArray[np.float32],
        summary: NDArray[np.float32],
        question: str = QUESTION,
    ) -> str:
        """Return the model's answer, word by word the likeliest.

        Args:
            features: `[h, w, d]` of the cells of an image, as the extractor `llamav` gives them.
            summary: `[g, d]` class tokens of its tiles.
            question: any words.
        """
        states = np.concatenate([summary.reshape(-1, features.shape[-1]), *features])
        tokenizer = self._processor.tokenizer
        tokens = tokenizer(
            self.prompt(question), return_tensors="pt", add_special_tokens=False
        ).to(self._model.device)
        image = tokens.input_ids[0] == tokenizer.convert_tokens_to_ids("<|image|>")
        # Words from the image's place on see it, as one tile of so many states.
        sees = (image.cumsum(0) > 0)[None, :, None, None].long()
        self._model.model.vision_model.num_patches = len(states)
        written = self._model.generate(
            **tokens,
            cross_attention_states=torch.from_numpy(states)[None].to(
                self._model.device, self._model.dtype
            ),
            cross_attention_mask=sees,
            max_new_tokens=self._length,
            do_sample=False,
        )
        return tokenizer.decode(
            written[0, tokens.input_ids.shape[1] :], skip_special_tokens=True
        ).strip()


def _reading_once(transformers: object) -> type:
    """Return the model's class that reads given image states once, as it does those of a tower.

    transformers drops an image after the first word, and keeps the keys and values of its states;
    states that are given it would read, and append, again with every word.
    """

    class ReadingOnce(transformers.MllamaForConditionalGeneration):
        def prepare_inputs_for_generation(
            self, *args: object, is_first_iteration: bool = False, **kwargs: object
        ) -> dict:
            inputs = super().prepare_inputs_for_generation(
                *args, is_first_iteration=is_first_iteration, **kwargs
            )
            if not is_first_iteration and kwargs.get("use_cache"):
                inputs["cross_attention_states"] = None
            return inputs

    return ReadingOnce
