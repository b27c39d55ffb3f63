"""Models: the original's exact counts, its defects on purpose, shapes of every variant."""

from pathlib import Path

import pytest
import torch

from ablation.config.config import Config
from ablation.data.batches import Batch
from ablation.models.storyteller import (
    SequenceFusion,
    Storyteller,
    build_text_autoencoder,
    build_visual_autoencoder,
    count_parameters,
    trainable_parameters,
)
from ablation.models.text import TextDecoder

BERT_VOCABULARY = 30522


def storyteller(vocabulary=50, **keys) -> Storyteller:
    config = Config(**keys)
    text = build_text_autoencoder(config, vocabulary)
    return Storyteller(config, build_visual_autoencoder(config), text, pad=0)


def inputs(vocabulary=50, size=3):
    draws = torch.Generator().manual_seed(1)
    frames = torch.rand(size, 5, 3, 60, 125, generator=draws)
    tokens = torch.randint(5, vocabulary, (size, 4, 120), generator=draws)
    batch = Batch(frames[:, :4], tokens, None, None, frames[:, 4], tokens[:, 3], size * 119)
    return batch, tokens[:, 3, :-1]


def predicted(**keys):
    model = storyteller(**keys)
    return model(*inputs())


def test_the_published_parameter_counts():
    config = Config(visual="basecase")
    text = build_text_autoencoder(config, BERT_VOCABULARY)
    visual = build_visual_autoencoder(config)
    assert count_parameters(visual) == 503_539
    assert count_parameters(text) == 1_499_930
    whole = Storyteller(config, visual, text, pad=0)
    assert count_parameters(whole, trainable_only=True) == 507_028
    assert count_parameters(whole) == 2_006_958


@pytest.mark.parametrize("latent", [16, 32, 64, 128])
def test_the_counts_that_the_docs_tell(latent):
    config = Config(latent_dim=latent)
    visual = build_visual_autoencoder(config)
    whole = Storyteller(config, visual, build_text_autoencoder(config, BERT_VOCABULARY), pad=0)
    counts = count_parameters(visual), count_parameters(whole, trainable_only=True), count_parameters(whole)
    row = " | ".join(f"{count:,}" for count in counts)
    assert f"| ResNet{latent} | {row} |" in (Path(__file__).parents[1] / "docs" / "original.md").read_text()


def test_shapes_of_the_basecase_stage_by_stage():
    visual = build_visual_autoencoder(Config(visual="basecase"))
    frames = torch.rand(2, 3, 60, 125)
    features = visual.encoder.content[0](frames)
    assert features.shape == (2, 64, 8, 16)
    assert visual.encoder(frames).shape == (2, 16)
    assert visual(frames).shape == (2, 3, 60, 125)


@pytest.mark.parametrize(
    "keys",
    [
        {"visual": "basecase"}, {"latent_dim": 16}, {"latent_dim": 128}, {"fused_dim": 64}, {"text_dim": 48},
        {"latent_norm": "layernorm"}, {"image_heads": "separate"}, {"image_heads": "single"},
        {"text_decoder": "trained"}, {"text_conditioning": "every_step"}, {"word_weights": "tied"},
        {"text_encoder": "words"}, {"text_attention": "words"}, {"text_copy": "words"}, {"text_dim": 1},
        {"text_attention": "words", "text_copy": "words", "text_dim": 2},
        {"image_copy": "pixels"}, {"visual_encoder": "frozen"},
        {"image_copy": "pixels", "image_heads": "separate"},
    ],
)  # fmt: skip
def test_every_variant_predicts_pictures_and_words(keys):
    model = storyteller(**keys)
    prediction = model(*inputs())
    assert prediction.image.shape == (3, 3, 60, 125)
    assert prediction.image.min() >= 0 and prediction.image.max() <= 1
    assert model.output(prediction.word_states).shape == (3, 119, 50)
    assert (prediction.context_image is None) == (keys.get("image_heads") == "single")
    told = model.generate(model.fuse(inputs()[0]), start=2, end=3, length=7)
    assert len(told) == 3 and all(len(words) <= 7 for words in told)


def test_the_shared_head_is_one_tensor_and_separate_heads_are_not():
    shared = predicted()
    assert shared.image is shared.context_image
    separate = predicted(image_heads="separate")
    assert not torch.equal(separate.image, separate.context_image)


def test_z_is_cut_at_zero_in_the_notebook_only():
    assert predicted().z.min() >= 0
    assert predicted(latent_norm="layernorm").z.min() < 0


def test_latent_width_changes_the_image_side_alone():
    narrow, wide = storyteller(latent_dim=16), storyteller(latent_dim=128)
    assert isinstance(narrow.to_image, torch.nn.Identity)
    assert wide.to_image.weight.shape == (128, 16)
    assert wide.text.encoder.lstm.hidden_size == wide.fusion.gru.hidden_size == 16


@pytest.mark.parametrize("decoder, moves", [("frozen", False), ("trained", True)])
def test_what_the_gradient_reaches(decoder, moves):
    model = storyteller(text_decoder=decoder)
    prediction = model(*inputs())
    (prediction.image.mean() + prediction.word_states.sum()).backward()
    reached = {name for name, p in model.named_parameters() if p.grad is not None}
    assert not any(name.startswith("text.encoder") for name in reached)
    assert any(name.startswith("text.decoder") for name in reached) == moves
    assert {"to_hidden.weight", "fusion.gru.weight_ih_l0", "visual.encoder.merge.weight"} <= reached
    assert {id(p) for p in trainable_parameters(model)} == {
        id(p) for p in model.parameters() if p.requires_grad
    }


def test_one_change_leaves_the_draws_of_the_rest_alone():
    plain, changed = storyteller(), storyteller(image_heads="separate", latent_norm="layernorm")
    shared = [n for n in plain.state_dict() if n in changed.state_dict()]
    assert len(shared) > 40
    for name in shared:
        assert torch.equal(plain.state_dict()[name], changed.state_dict()[name]), name
    assert not torch.equal(
        storyteller(seed=1).fusion.project.weight, storyteller(seed=2).fusion.project.weight
    )


def test_building_a_model_leaves_the_global_generator_alone():
    torch.manual_seed(7)
    before = torch.random.get_rng_state()
    storyteller()
    assert torch.equal(before, torch.random.get_rng_state())


def test_generation_agrees_with_teacher_forcing():
    torch.manual_seed(0)
    decoder = TextDecoder(20, 8)
    state = (torch.randn(2, 8), torch.randn(2, 8))
    rows = decoder.generate(state, state[0], start=1, end=99, length=6)
    fed = torch.tensor([[1, *row[:-1]] for row in rows])
    assert decoder.output(decoder(fed, state, state[0])).argmax(-1).tolist() == rows


def test_initialisation_is_the_originals():
    visual = build_visual_autoencoder(Config(visual="basecase"))
    weight = visual.encoder.content[2].weight
    expected = (2 / (1 + 0.01**2) / 8192) ** 0.5
    assert weight.std().item() == pytest.approx(expected, rel=0.02)
    assert all((p == 0).all() for n, p in visual.named_parameters() if n.endswith("bias") and p.ndim == 1)


def test_latents_that_have_grown_saturate_the_gru_unless_they_are_normalised():
    """The original's collapse: a constant that all latents share grows in training."""
    torch.manual_seed(0)
    steps = torch.randn(32, 4, 20)
    for norm, driven in (("none", True), ("batchnorm", False)):
        fusion = SequenceFusion(20, 16, "layernorm", norm)
        assert fusion.saturation(steps) < 0.05
        states, _ = fusion.gru(fusion._normal(steps + 60))
        assert (fusion.saturation(steps + 60) > 0.8) == driven
        assert (states[:, -1].std(dim=0).mean() < 0.05) == driven


@pytest.mark.parametrize("norm", ["none", "layernorm", "batchnorm"])
def test_the_gates_are_looked_at_in_scoring_only(norm):
    model = storyteller(input_norm=norm)
    assert model(*inputs()).saturation is None
    share = model.eval()(*inputs()).saturation
    assert 0 <= share <= 1
