"""A model in a folder of its own: settings, weights, tokenizer, and nothing that runs when it is read.

`model.json`, `weights.safetensors`, `tokenizer/`, and `sentence_encoder/` where the texts are read by one.
"""

import hashlib
import json
import os
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_model, save_model

from ablation.config.config import Config
from ablation.config.declare import resolve
from ablation.data.sentences import load_encoder, save_encoder
from ablation.data.tokens import Vocabulary, load_tokenizer
from ablation.errors import AblationError, reason, shown
from ablation.models.storyteller import Storyteller, build_text_autoencoder, build_visual_autoencoder
from ablation.predict.predictor import Predictor

FORMAT = 1
ABOUT, WEIGHTS, TOKENIZER, ENCODER = "model.json", "weights.safetensors", "tokenizer", "sentence_encoder"


def pack(folder: Path, config: Config, module: Storyteller, tokenizer: Any) -> None:
    """Writes all that is needed to answer. Same model, same bytes."""
    folder.mkdir(parents=True, exist_ok=True)
    kept = replace(config, resume=None, device="cpu").texts()
    (folder / ABOUT).write_text(json.dumps({"format": FORMAT, "config": kept}, indent=1))
    write_weights(module, folder / WEIGHTS)
    tokenizer.save_pretrained(folder / TOKENIZER)
    if config.text_encoder == "minilm":
        save_encoder(config.sentence_model, folder / ENCODER)


def write_weights(module: Storyteller, file: Path) -> None:
    """Raises OSError, such as that of a full disk, which safetensors gives as an error of its own."""
    try:
        save_model(module, str(file))
    except SafetensorError as error:
        number = re.search(r"os error (\d+)", str(error))
        if number is None:
            raise
        raise OSError(int(number[1]), os.strerror(int(number[1])), str(file)) from error


def unpack(folder: Path) -> Predictor:
    """On the CPU. Raises AblationError where it is not a whole model of this format."""
    try:
        about = json.loads((folder / ABOUT).read_text(encoding="utf-8"))
        found, texts = about["format"], about["config"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise AblationError(f"{folder} holds no model of this project: {reason(error)}") from error
    if found != FORMAT:
        raise AblationError(
            f"the model in {folder} has format {shown(found)}, and this version reads {FORMAT}: load it with "
            "mlflow.pyfunc.load_model in a process that has not imported `ablation`: it brings its own code"
        )
    try:
        config, encoder = resolve(Config, texts), None
        if config.text_encoder == "minilm":
            config = replace(config, sentence_model=str(folder / ENCODER))
            encoder = load_encoder(config.sentence_model)
        tokenizer = load_tokenizer(folder / TOKENIZER)
        module = _built(config, Vocabulary.of(tokenizer))
        load_model(module, str(folder / WEIGHTS))
    except Exception as error:
        raise AblationError(f"the model in {folder} is not whole: {reason(error)}") from error
    return Predictor(config, module, tokenizer, encoder)


def digest_of(folder: Path) -> str:
    """Twenty-four hexadecimal digits of a folder's files."""
    digest = hashlib.sha256()
    for file in sorted(path for path in folder.rglob("*") if path.is_file()):
        digest.update(f"{file.relative_to(folder).as_posix()}\0{file.stat().st_size}\0".encode())
        digest.update(file.read_bytes())
    return digest.hexdigest()[:24]


def _built(config: Config, vocabulary: Vocabulary) -> Storyteller:
    visual, text = build_visual_autoencoder(config), build_text_autoencoder(config, vocabulary.size)
    return Storyteller(config, visual, text, vocabulary.pad)
