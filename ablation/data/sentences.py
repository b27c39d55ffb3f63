"""Sentence vectors of descriptions from a frozen, pretrained encoder (Reimers & Gurevych 2019, Wang et al. 2020)."""

import hashlib
import os
from functools import lru_cache, partial
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional

from ablation.data.folders import folder_digest
from ablation.data.hub import pretrained
from ablation.data.sources import Progress, silent
from ablation.errors import DataError, reason
from ablation.places import cache_folder

AT_ONCE = 32
MAX_PIECES = 256
"""Word pieces that are read of a description, as the encoder's own description has it."""


def sentence_width(place: str) -> int:
    """Numbers in a vector. Raises DataError when there is no such encoder."""
    from transformers import AutoConfig

    (config,) = _loaded(place, AutoConfig.from_pretrained)
    return config.hidden_size


def sentence_vectors(texts: list[str], place: str, progress: Progress = silent) -> np.ndarray:
    """(N, W) float32 of length 1: the mean over a text's pieces. Kept on disk, by the texts and the encoder's weights.

    `place` is a folder with a tokenizer and an encoder, or a name on the Hugging Face hub. Raises DataError when it is
    neither.
    """
    tokenizer, model = load_encoder(place)
    file = cache_folder() / "sentences" / f"{_digest(texts, model, folder_digest(place) or '')}.npy"
    kept = _kept(file)
    if kept is not None and len(kept) == len(texts):
        return kept
    file.parent.mkdir(parents=True, exist_ok=True)
    unfinished = file.with_suffix(f".{os.getpid()}.npy")
    np.save(unfinished, _read(texts, tokenizer, model, progress))
    os.replace(unfinished, file)
    return np.load(file, allow_pickle=False)


@lru_cache(maxsize=1)
def load_encoder(place: str) -> list:
    """Tokenizer and model; asked for once for each split. Raises DataError where there is none."""
    from transformers import AutoModel, AutoTokenizer

    safely = partial(AutoModel.from_pretrained, use_safetensors=True, dtype=torch.float32)
    tokenizer, model = _loaded(place, AutoTokenizer.from_pretrained, safely)
    try:
        _vectors(["a word", "two more words"], tokenizer, model.eval())
    except Exception as error:
        raise DataError(
            f"sentence_model={place} cannot read a sentence ({reason(error)}): give an encoder like all-MiniLM-L6-v2, with a "
            "padding token and without a decoder"
        ) from error
    return [tokenizer, model]


def read_sentences(texts: list[str], encoder: list) -> np.ndarray:
    """The same by an encoder that is loaded, and not kept."""
    return _read(texts, *encoder, silent)


def save_encoder(place: str, folder: Path) -> None:
    """A copy that needs no hub: tokenizer, settings, weights."""
    for part in load_encoder(place):
        part.save_pretrained(folder)


def _kept(file: Path) -> np.ndarray | None:
    """None where there is no file, or one that is no whole table of numbers."""
    try:
        vectors = np.load(file, allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return None
    return (
        vectors
        if isinstance(vectors, np.ndarray) and vectors.dtype == np.float32 and vectors.ndim == 2
        else None
    )


def _loaded(place: str, *loaders) -> list:
    try:
        return pretrained(place, *loaders)
    except DataError as error:
        raise DataError(
            f"sentence_model={place} is neither a folder with a sentence encoder nor to be had from the Hugging Face "
            f"hub: {error}. Offline, give a local folder, or text_encoder=words, which needs no weights"
        ) from error


def _digest(texts: list[str], model, files: str) -> str:
    """`files` is the digest of a local folder, whose tokenizer may change while the weights stay."""
    digest = hashlib.sha256(("\0".join(texts) + files).encode())
    for name, weight in sorted(model.state_dict().items()):
        digest.update(name.encode() + weight.contiguous().numpy().tobytes())
    return digest.hexdigest()[:24]


def _read(texts: list[str], tokenizer, model, progress: Progress) -> np.ndarray:
    rows = []
    for start in range(0, len(texts), AT_ONCE):
        some = texts[start : start + AT_ONCE]
        rows.append(_vectors(some, tokenizer, model))
        progress("reading descriptions", start + len(some), len(texts))
    return torch.cat(rows).numpy()


@torch.no_grad()
def _vectors(texts: list[str], tokenizer, model) -> torch.Tensor:
    longest = min(MAX_PIECES, getattr(model.config, "max_position_embeddings", MAX_PIECES))
    pieces = tokenizer(texts, padding=True, truncation=True, max_length=longest, return_tensors="pt")
    states = model(**pieces).last_hidden_state  # (B, P, W)
    real = pieces["attention_mask"].unsqueeze(-1)  # (B, P, 1)
    return functional.normalize((states * real).sum(dim=1) / real.sum(dim=1))  # (B, W)
