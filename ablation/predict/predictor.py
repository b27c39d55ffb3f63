"""Answers stories one by one, with the same code that answers them in training."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from PIL import Image

from ablation.config.config import Config
from ablation.data.batches import Inputs, pixels
from ablation.data.frames import picture_of, prepare_frame
from ablation.data.sentences import read_sentences
from ablation.data.tokens import MAX_TOKENS, Vocabulary, decode, encode
from ablation.models.storyteller import Storyteller
from ablation.predict.story import Story


@dataclass(frozen=True)
class Answer:
    """What follows four frames. `note` says what of the story was not read; empty where all was."""

    frame: Image.Image
    description: str
    note: str


class Predictor:
    """A trained model with its preprocessing and its words. `encoder` reads the texts where sentences are embedded."""

    def __init__(self, config: Config, module: Storyteller, tokenizer: Any, encoder: list | None = None):
        self.config, self.module, self.tokenizer = config, module.eval(), tokenizer
        self.encoder = encoder

    @cached_property
    def vocabulary(self) -> Vocabulary:
        """What the network knows of the tokenizer."""
        return Vocabulary.of(self.tokenizer)

    def answer(self, story: Story) -> Answer:
        """The fifth frame, 125×60 pixels, and its description. One story at a time: so its numbers do not depend, in
        their last bit, on which others were asked beside it.
        """
        image, (words,) = self.module.answer(self._inputs(story), self.vocabulary)
        description = decode(self.tokenizer, words)
        return Answer(picture_of(image[0].float().cpu().numpy()), description, self._note(story))

    def _inputs(self, story: Story) -> Inputs:
        frames = np.stack([prepare_frame(image, self.config.equalize) for image in story.images])
        tokens = torch.from_numpy(encode(self.tokenizer, story.texts)).long()
        sentences = None
        if self.config.text_encoder == "minilm":
            sentences = torch.from_numpy(read_sentences(story.texts, self.encoder))[None]
        return Inputs(pixels(torch.from_numpy(frames))[None], tokens[None], sentences, None)

    def _note(self, story: Story) -> str:
        """Texts are cut as those that the model was trained on."""
        counts = [len(self.tokenizer(text, truncation=False)["input_ids"]) for text in story.texts]
        cut = [
            f"of text {number} the first {MAX_TOKENS} of {count} word pieces were read"
            for number, count in enumerate(counts, start=1)
            if count > MAX_TOKENS
        ]
        return "; ".join(cut)
