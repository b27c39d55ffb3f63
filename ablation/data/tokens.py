"""Descriptions as word pieces: bert-base-uncased, a WordPiece trained on the spot, or a folder."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ablation.data.hub import pretrained
from ablation.data.sources import STORY_REASONING
from ablation.errors import DataError

BERT = "google-bert/bert-base-uncased"
MAX_TOKENS = 120
CLOSED_UP = (
    (re.compile(r" ([:;)\]])"), r"\1"),
    (re.compile(r"([(\[]) "), r"\1"),
    (re.compile(r"(?<=\w) (['’]) (?=(?:s|t|re|ve|ll|d|m)\b)"), r"\1"),
    (re.compile(r"(?<=\w) - (?=\w)"), "-"),
    (re.compile(r'" ([^"]*?) "'), r'"\1"'),
)
"""What is written with spaces, and without: `hour : the thief ' s`, `hour: the thief's`."""
MAX_VOCABULARY = 30522
LONGEST_WORD = 1000
"""Letters of a word that a WordPiece is learnt from; any of more than 100 becomes UNK, and learning from one of a
million takes hours.
"""
SPECIAL_TOKENS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")


def choose_tokenizer(tokenizer: str, dataset: str) -> str:
    """What `auto` means for a data set: `trained`, or the tokenizer of StoryReasoning."""
    if tokenizer != "auto":
        return tokenizer
    return BERT if dataset == STORY_REASONING else "trained"


def train_wordpiece(descriptions: Sequence[str]):
    """A WordPiece with BERT's normalisation, learnt from the train split's descriptions alone.

    The trainer numbers continuing letters (`##a`) in the order of a hash map and breaks ties by
    number, so that the same text gives another vocabulary at each call (tokenizers issue 1794). Here
    they are given beforehand, in order, which makes it a function of the text.
    """
    from tokenizers import BertWordPieceTokenizer
    from transformers import BertTokenizerFast

    learner = BertWordPieceTokenizer(lowercase=True)
    descriptions = [_without_endless_words(learner, text) for text in descriptions]
    parts = {part for text in descriptions for part in text.split(" ")}  # each once: splitting words is slow
    letters = {c for part in parts for word in _words(learner, part) for c in word[1:]}
    learner.train_from_iterator(
        descriptions,
        vocab_size=MAX_VOCABULARY,
        min_frequency=2,
        special_tokens=[*SPECIAL_TOKENS, *(f"##{letter}" for letter in sorted(letters))],
        show_progress=False,
    )
    return BertTokenizerFast(vocab=learner.get_vocab(), do_lower_case=True)


def _without_endless_words(learner, text: str) -> str:
    kept = (
        part
        for part in text.split(" ")
        if len(part) <= LONGEST_WORD or all(len(word) <= LONGEST_WORD for word in _words(learner, part))
    )
    return " ".join(kept)


def _words(learner, text: str) -> list[str]:
    normal = learner.normalizer.normalize_str(text)
    return [word for word, _ in learner.pre_tokenizer.pre_tokenize_str(normal)]


def load_tokenizer(place: str | Path):
    """A tokenizer from a local folder or, by name, from the Hugging Face hub.

    Raises DataError when there is none, or when it has no PAD, CLS, SEP or UNK token, or does not write them.
    """
    from transformers import AutoTokenizer

    try:
        (loaded,) = pretrained(place, AutoTokenizer.from_pretrained)
    except DataError as error:
        raise DataError(
            f"tokenizer={place} is neither a folder with a tokenizer nor to be had from the "
            f"Hugging Face hub: {error}. Offline, give a local folder; auto trains a "
            f"WordPiece on every data set but {STORY_REASONING}"
        ) from error
    wanted = ("pad_token_id", "cls_token_id", "sep_token_id", "unk_token_id")
    missing = [name for name in wanted if getattr(loaded, name) is None]
    if missing:
        raise DataError(f"tokenizer={place} has no {', '.join(missing)}: give a BERT-like one")
    loaded.padding_side = loaded.truncation_side = "right"
    _check_rows(loaded, str(place))
    return loaded


def _check_rows(tokenizer, place: str) -> None:
    """Raises DataError where it does not write [CLS] … [SEP] [PAD] …, which is how a network knows where to begin and end."""
    words = Vocabulary.of(tokenizer)
    for row in encode(tokenizer, ["a", "a " * MAX_TOKENS]):
        inner = row[row != words.pad]
        ends = len(inner) and inner[0] == words.start and inner[-1] == words.end
        if not ends or (row[: len(inner)] != inner).any():
            raise DataError(
                f"tokenizer={place} writes {row[:4].tolist()} … {row[-2:].tolist()} where [CLS] ({words.start}) … [SEP] "
                f"({words.end}) [PAD] ({words.pad}) … is wanted: give a BERT-like one; one of your own needs a "
                "post-processor that adds them (`tokenizers.processors.TemplateProcessing`)"
            )


def encode(tokenizer, descriptions: list[str]) -> np.ndarray:
    """(N, 120) int32: [CLS] … [SEP], cut at 120, padded."""
    if not descriptions:
        return np.zeros((0, MAX_TOKENS), np.int32)
    encoded = tokenizer(
        descriptions,
        max_length=MAX_TOKENS,
        truncation=True,
        padding="max_length",
        return_attention_mask=False,
        return_token_type_ids=False,
    )
    return np.asarray(encoded["input_ids"], dtype=np.int32)


def decode(tokenizer, tokens: Sequence[int]) -> str:
    """The words of token ids as one would print them: WordPiece forgets which marks stood without a space."""
    text = tokenizer.decode(tokens, skip_special_tokens=True, clean_up_tokenization_spaces=True)
    for spaced, close in CLOSED_UP:
        text = spaced.sub(close, text)
    return text


@dataclass(frozen=True)
class Vocabulary:
    """What a network needs to know of a tokenizer."""

    size: int
    pad: int
    unknown: int
    start: int
    end: int

    @classmethod
    def of(cls, tokenizer) -> "Vocabulary":
        """Read off a loaded tokenizer."""
        return cls(
            size=max(tokenizer.get_vocab().values()) + 1,
            pad=tokenizer.pad_token_id,
            unknown=tokenizer.unk_token_id,
            start=tokenizer.cls_token_id,
            end=tokenizer.sep_token_id,
        )
