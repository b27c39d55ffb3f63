"""Sentence vectors, from a small encoder made here: the real ones need weights from the hub."""

import json
import shutil

import numpy as np
import pytest
import torch

from ablation.data import sentences
from ablation.data.sentences import sentence_vectors, sentence_width
from ablation.data.tokens import train_wordpiece
from ablation.errors import DataError
from ablation.track.query import find_runs
from tests.test_scores import task_of

TEXTS = ["Anna waits in the kitchen.", "Ben laughs.", "The door stays shut and nobody speaks."]


@pytest.fixture(scope="module")
def encoder(tmp_path_factory):
    """A BERT of one layer, 16 wide, with random weights, and its tokenizer."""
    from transformers import BertConfig, BertModel

    folder, tokenizer = tmp_path_factory.mktemp("encoder"), train_wordpiece(TEXTS)
    torch.manual_seed(0)
    sizes = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32}
    BertModel(BertConfig(vocab_size=len(tokenizer), **sizes)).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return str(folder)


def test_a_vector_is_the_mean_over_the_pieces_of_its_own_text(encoder):
    from transformers import AutoModel, AutoTokenizer

    vectors = sentence_vectors(TEXTS, encoder)
    assert vectors.shape == (3, sentence_width(encoder)) == (3, 16)
    tokenizer, model = AutoTokenizer.from_pretrained(encoder), AutoModel.from_pretrained(encoder).eval()
    for text, vector in zip(TEXTS, vectors, strict=True):
        with torch.no_grad():
            mean = model(**tokenizer(text, return_tensors="pt")).last_hidden_state[0].mean(dim=0)
        assert np.allclose(vector, mean / mean.norm(), atol=1e-6)


@pytest.mark.parametrize("kept_as", [torch.float16, torch.bfloat16])
def test_an_encoder_that_is_kept_in_half_the_bits_is_read_in_full_and_once(
    encoder, tmp_path, kept_as, monkeypatch
):
    from transformers import AutoModel, AutoTokenizer

    AutoModel.from_pretrained(encoder).to(kept_as).save_pretrained(tmp_path)
    AutoTokenizer.from_pretrained(encoder).save_pretrained(tmp_path)
    first = sentence_vectors(TEXTS, str(tmp_path))
    assert first.dtype == np.float32 and np.allclose(first, sentence_vectors(TEXTS, encoder), atol=0.03)
    monkeypatch.setattr(sentences, "_read", lambda *_: pytest.fail("read again"))
    assert np.array_equal(sentence_vectors(TEXTS, str(tmp_path)), first)


def test_texts_are_read_once(encoder, monkeypatch):
    first = sentence_vectors(TEXTS, encoder)
    monkeypatch.setattr(sentences, "_read", lambda *_: pytest.fail("read again"))
    assert np.array_equal(sentence_vectors(TEXTS, encoder), first)
    with pytest.raises(pytest.fail.Exception, match="read again"):
        sentence_vectors(TEXTS[:2], encoder)


def test_a_model_reads_descriptions_by_them(encoder, world):
    task, stories = task_of(world, text_encoder="minilm", sentence_model=encoder)
    batch, _ = next(task.batches(stories.test))
    assert task.module.fusion.gru.input_size == 16 + 16
    own = stories.test.window_texts(0)[:4]
    assert np.allclose(batch.text_latents[0].numpy(), sentence_vectors(own, encoder), atol=1e-6)
    assert task.losses(batch)["total_loss"].isfinite()


def test_an_encoder_that_cannot_read_ends_a_run_before_it_begins(encoder, tmp_path, command, store, world):
    """One without a padding token, as GPT-2 is."""
    shutil.copytree(encoder, tmp_path / "gpt")
    settings = json.loads((tmp_path / "gpt" / "tokenizer_config.json").read_text())
    kept = {name: value for name, value in settings.items() if name not in ("pad_token", "tokenizer_class")}
    (tmp_path / "gpt" / "tokenizer_config.json").write_text(
        json.dumps(kept | {"tokenizer_class": "PreTrainedTokenizerFast"})
    )
    words = ("--text_encoder", "minilm", "--sentence_model", tmp_path / "gpt")
    code, _, err = command("main", "--dataset", world, *words)
    assert code == 1 and "cannot read a sentence" in err and "padding token" in err and not find_runs("train")


def test_an_encoder_that_is_not_there_is_named(tmp_path):
    with pytest.raises(DataError, match=r"sentence_model=.*neither a folder.*text_encoder=words"):
        sentence_vectors(TEXTS, str(tmp_path))
