"""Losses, floors and signs of life, against numbers worked out by hand."""

import copy
import math

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from ablation.config.config import Config
from ablation.data.batches import Batch
from ablation.data.statistics import median_frame
from ablation.data.tokens import Vocabulary
from ablation.data.windows import StoryWindows
from ablation.models import fused_loss
from ablation.models.storyteller import Prediction
from ablation.train.floors import batch_weighted_mean, floors
from ablation.train.health import Spread, dead_units, of_another_story
from ablation.train.losses import context_target, story_losses, text_loss, window_losses

AS_IS = nn.Linear(4, 4)
nn.init.eye_(AS_IS.weight)
nn.init.zeros_(AS_IS.bias)
VOCABULARY = Vocabulary(size=4, pad=0, unknown=1, start=2, end=3)


def test_the_total_is_image_plus_text_plus_a_fifth_of_context():
    frames = torch.zeros(2, 4, 3, 60, 125)
    frames[1] = 1.0
    tokens = torch.tensor([[2, 1, 3, 0], [2, 3, 0, 0]])
    batch = Batch(frames, None, None, None, torch.full((2, 3, 60, 125), 0.25), tokens, target_count=3)
    image = torch.full((2, 3, 60, 125), 0.75)
    prediction = Prediction(torch.zeros(2, 1), image, image, torch.zeros(2, 3, 4))
    losses = story_losses(prediction, AS_IS, batch, pad=0, config=Config())
    assert losses["image_loss"].item() == pytest.approx(0.5)
    assert losses["context_loss"].item() == pytest.approx(0.25**2)
    assert losses["text_loss"].item() == pytest.approx(math.log(4))
    assert losses["total_loss"].item() == pytest.approx(0.5 + math.log(4) + 0.2 * 0.0625)


def test_without_a_context_head_there_is_no_context_loss():
    batch = Batch(
        torch.zeros(1, 4, 3, 60, 125),
        None,
        None,
        None,
        torch.zeros(1, 3, 60, 125),
        torch.ones(1, 3).long(),
        target_count=2,
    )
    prediction = Prediction(torch.zeros(1, 1), torch.ones(1, 3, 60, 125), None, torch.zeros(1, 2, 4))
    losses = story_losses(prediction, AS_IS, batch, 0, Config(text_weight=2, image_weight=3))
    assert "context_loss" not in losses
    assert losses["total_loss"].item() == pytest.approx(3 * 1 + 2 * math.log(4))


def test_the_losses_of_single_windows_by_hand():
    frames, targets = torch.zeros(2, 4, 3, 60, 125), torch.full((2, 3, 60, 125), 0.25)
    frames[1], targets[1] = 1.0, 0.5
    tokens = torch.tensor([[2, 1, 3, 0], [2, 3, 0, 0]])
    batch = Batch(frames, None, None, None, targets, tokens, target_count=3)
    image, context = torch.full((2, 3, 60, 125), 0.75), torch.full((2, 3, 60, 125), 0.5)
    context[1] = 0.9
    prediction = Prediction(torch.zeros(2, 1), image, context, torch.zeros(2, 3, 4))
    found = window_losses(prediction, AS_IS, batch, pad=0)
    assert found["image"].tolist() == pytest.approx([0.5, 0.25])
    assert found["context"].tolist() == pytest.approx([0.0, 0.4**2])
    assert found["text_nats"].tolist() == pytest.approx([2 * math.log(4), math.log(4)])
    assert found["text_tokens"].tolist() == [2, 1]
    prediction = Prediction(torch.zeros(2, 1), image, None, torch.zeros(2, 3, 4))
    assert "context" not in window_losses(prediction, AS_IS, batch, pad=0)


def test_text_loss_averages_over_real_tokens_only():
    logits = torch.zeros(2, 3, 4)
    logits[0, 0, 1] = 50.0
    tokens = torch.tensor([[2, 1, 3, 0], [2, 3, 0, 0]])
    assert text_loss(logits, AS_IS, tokens, pad=0).item() == pytest.approx(2 * math.log(4) / 3)


def test_the_context_target_is_the_mean_of_the_whole_batch():
    frames = torch.zeros(2, 4, 3, 60, 125)
    frames[0, 0] = 1.0
    assert context_target(frames).unique().tolist() == [0.125]


def windows(pixels: np.ndarray, tokens: np.ndarray) -> StoryWindows:
    """`pixels` (W, 5) grey values, one story per window; `tokens` (W, T) of frame 4."""
    frames = np.broadcast_to(pixels.reshape(-1, 1, 1, 1), (pixels.size, 3, 60, 125)).astype(np.uint8)
    rows = np.repeat(tokens, 5, axis=0)
    count = len(pixels)
    return StoryWindows(
        frames,
        rows,
        [""] * pixels.size,
        [{}] * pixels.size,
        np.arange(count) * 5,
        np.ones(count, int),
        np.arange(count),
        [str(i) for i in range(count)],
        np.arange(count),
        count,
        "frame4",
    )


def test_floors_by_hand():
    train = windows(
        np.array([[0, 0, 0, 0, 51], [0, 0, 0, 0, 102], [0, 0, 0, 0, 255]]), np.array([[2, 1, 3, 0]] * 3)
    )
    scored = windows(
        np.array([[0, 255, 0, 51, 102], [102, 0, 0, 0, 51]]), np.array([[2, 1, 3, 0], [2, 1, 1, 3]])
    )
    assert (median_frame(train.frames, train.target_frame_rows()) == 102).all()
    found = floors(train, scored, VOCABULARY, batch_size=1)
    assert found["floor/image_median"] == pytest.approx((0 + 0.2) / 2, abs=1e-6)
    assert found["floor/image_copy_last"] == pytest.approx((0.2 + 0.2) / 2, abs=1e-6)
    assert found["floor/image_best_of_4"] == pytest.approx((0.2 + 0.2) / 2, abs=1e-6)
    assert found["floor/image_copy_fixed"] == pytest.approx(0.2, abs=1e-6)
    assert found["floor/image_mean_of_4"] == pytest.approx(0.1, abs=1e-6)
    assert found["floor/image_median_of_4"] == pytest.approx((0.3 + 0.2) / 2, abs=1e-6)
    assert found["floor/image_half_blend"] == pytest.approx(0.05, abs=1e-6)
    unigram = -math.log(4 / 10)
    assert found["floor/text_unigram"] == pytest.approx(unigram, abs=1e-6)


def test_the_text_floor_is_averaged_as_the_loss_is():
    sums, counts = np.array([2.0, 9.0, 4.0]), np.array([1, 3, 1])
    assert batch_weighted_mean(sums, counts, 2) == pytest.approx((11 / 4 * 2 + 4) / 3)


def test_spread_is_the_mean_standard_deviation_of_the_pixels():
    images = torch.rand(30, 3, 60, 125, generator=torch.Generator().manual_seed(0))
    spread = Spread()
    for part in images.split(7):
        spread.add(part)
    assert spread.value() == pytest.approx(images.std(dim=0, correction=0).mean().item(), rel=1e-5)
    constant = Spread()
    constant.add(torch.full((9, 3, 60, 125), 0.3))
    assert constant.value() == 0


def test_dead_units():
    z = torch.tensor([[0.0, 1.0, 0.0, 0.0], [0.0, 0.0, 0.0, 2.0]])
    assert dead_units(z) == 0.5


def test_each_window_has_a_partner_of_another_story():
    assert of_another_story(np.arange(7)).tolist() == [4, 5, 6, 0, 1, 2, 3]
    assert of_another_story(np.array([4, 4, 9, 9])).tolist() == [2, 3, 0, 1]
    most_of_one = np.array([0, 1, 1, 1, 1, 1, 2])
    partners = of_another_story(most_of_one)
    assert (most_of_one[partners] != most_of_one).all() and partners[[0, 1, 6]].tolist() == [4, 6, 3]
    assert of_another_story(np.array([3])) is None and of_another_story(np.array([3, 3])) is None


def losses_and_gradients(loss, states, output):
    states = states.clone().requires_grad_()
    output.zero_grad()
    value = loss(states)
    (2 * value).backward()
    return value.item(), states.grad, output.weight.grad, output.bias.grad


def compare_with_plain(width, scale, trained, dtype=torch.float32, vocabulary=3000):
    """Largest relative differences of the fused loss and gradients from the plain ones in float64."""
    torch.manual_seed(0)
    output = nn.Linear(width, vocabulary).requires_grad_(trained)
    tokens = torch.randint(1, vocabulary, (8, 50))
    tokens[:, 37:] = 0
    states = (scale * torch.randn(8, 50, width)).to(dtype)
    ours = losses_and_gradients(
        lambda s: fused_loss.fused_cross_entropy(s, output, tokens, pad=0), states, output
    )
    ours = [ours[0], *(g.clone() for g in ours[1:] if g is not None)]
    exact = copy.deepcopy(output).double()
    plain = losses_and_gradients(
        lambda s: functional.cross_entropy(exact(s).flatten(0, 1), tokens.flatten(), ignore_index=0),
        states.double(),
        exact,
    )
    plain = [plain[0], *(g for g in plain[1:] if g is not None)]
    assert len(ours) == len(plain) == (4 if trained else 2)
    return [
        abs(ours[0] / plain[0] - 1),
        *(((a - b).norm() / b.norm()).item() for a, b in zip(ours[1:], plain[1:], strict=True)),
    ]


@pytest.mark.parametrize("trained", [False, True])
@pytest.mark.parametrize("scale", [0.5, 300.0])
@pytest.mark.parametrize("width", [16, 64])
def test_the_fused_loss_is_the_plain_one(width, scale, trained, monkeypatch):
    """With logits near 0 and with logits whose exponentials would overflow, in more than one chunk."""
    monkeypatch.setitem(fused_loss.LOGITS_AT_ONCE, "cpu", 3000 * 48)
    loss, *gradients = compare_with_plain(width, scale, trained)
    assert loss <= 1e-6 and max(gradients) <= 1e-5


@pytest.mark.parametrize("trained", [False, True])
def test_the_fused_loss_in_bfloat16_is_close(trained):
    loss, *gradients = compare_with_plain(16, 0.5, trained, torch.bfloat16)
    assert loss <= 1e-3 and max(gradients) <= 1e-2


def test_no_token_costs_less_than_nothing_in_bfloat16():
    """The target's logit and the sum of exponentials come from the same rounded product."""
    torch.manual_seed(0)
    output = nn.Linear(64, 300)
    states = 30 * torch.randn(8, 50, 64)
    best = output(states).argmax(dim=-1)
    nats = fused_loss.fused_token_nats(states.to(torch.bfloat16), output, best, pad=-1)
    assert nats.min() >= 0 and nats.shape == best.shape


def test_the_fused_loss_knows_how_many_tokens_are_real():
    torch.manual_seed(0)
    states, tokens = torch.randn(2, 5, 4), torch.tensor([[1, 2, 3, 0, 0], [2, 0, 0, 0, 0]])
    told = fused_loss.fused_cross_entropy(states, AS_IS, tokens, 0, count=4)
    assert told == fused_loss.fused_cross_entropy(states, AS_IS, tokens, 0)
    real = states[tokens != 0]
    assert told.item() == pytest.approx(functional.cross_entropy(real, tokens[tokens != 0]).item())


@pytest.mark.parametrize("scale", [0.5, 300.0])
@pytest.mark.parametrize("dtype, off", [(torch.float32, 1e-5), (torch.bfloat16, 1e-2)])
def test_the_nats_of_single_tokens_are_the_plain_ones(scale, dtype, off, monkeypatch):
    """In more than one chunk, under autocast, and with the mean that the fused loss has."""
    monkeypatch.setitem(fused_loss.LOGITS_AT_ONCE, "cpu", 3000 * 48)
    torch.manual_seed(0)
    output, tokens = nn.Linear(16, 3000), torch.randint(1, 3000, (8, 50))
    tokens[:, 37:] = 0
    tokens[2, 3:] = 0
    states = (scale * torch.randn(8, 50, 16)).to(dtype)
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=dtype == torch.bfloat16):
        nats = fused_loss.fused_token_nats(states, output, tokens, pad=0)
        mean = fused_loss.fused_cross_entropy(states, output, tokens, pad=0)
    logits = copy.deepcopy(output).double()(states.double()).flatten(0, 1)
    exact = functional.cross_entropy(logits, tokens.flatten(), ignore_index=0, reduction="none")
    exact = exact.unflatten(0, tokens.shape)
    assert nats.dtype == torch.float32 and (nats[tokens == 0] == 0).all()
    assert ((nats - exact).norm() / exact.norm()).item() <= off
    assert nats.double().sum().item() / (tokens != 0).sum().item() == pytest.approx(mean.item(), rel=1e-5)
