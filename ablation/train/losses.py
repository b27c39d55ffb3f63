"""The losses of the original: L1(image) + CE(text) + 0.2 · MSE(context)."""

import torch
from torch import nn
from torch.nn import functional

from ablation.config.config import Config
from ablation.data.batches import Batch
from ablation.models.fused_loss import fused_cross_entropy, fused_token_nats
from ablation.models.storyteller import Prediction
from ablation.models.word_copy import Copying

LOSS_NAMES = ("total_loss", "image_loss", "context_loss", "text_loss")


def text_loss(
    states: torch.Tensor,
    output: nn.Linear,
    tokens: torch.Tensor,
    pad: int,
    count: int | None = None,
    copying: Copying | None = None,
) -> torch.Tensor:
    """Nats per token of `tokens` (B, T) from its second on, padding ignored; states (B, T-1, D).

    `count` is how many these are, where it is known.
    """
    if copying is None:
        return fused_cross_entropy(states, output, tokens[:, 1:], pad, count)
    nats = token_nats(states, output, tokens, pad, count, copying)
    return nats.sum() / ((tokens[:, 1:] != pad).sum() if count is None else count)


def token_nats(
    states: torch.Tensor,
    output: nn.Linear,
    tokens: torch.Tensor,
    pad: int,
    count: int | None,
    copying: Copying | None,
) -> torch.Tensor:
    """(B, T-1): what `text_loss` is the mean of, and 0 at PAD."""
    targets = tokens[:, 1:]
    nats = fused_token_nats(states, output, targets, pad, count)
    return nats if copying is None else copying.nats(targets, nats) * (targets != pad)


def context_target(frames: torch.Tensor) -> torch.Tensor:
    """(3, 60, 125): the mean of all input frames (B, K, 3, 60, 125) of the batch."""
    return frames.flatten(0, 1).mean(dim=0)


def story_losses(
    prediction: Prediction, output: nn.Linear, batch: Batch, pad: int, config: Config
) -> dict[str, torch.Tensor]:
    """The components and their weighted sum; no `context_loss` without a context head."""
    image = functional.l1_loss(prediction.image.float(), batch.target_frame)
    text = text_loss(
        prediction.word_states, output, batch.target_tokens, pad, batch.target_count, prediction.copying
    )
    total = config.image_weight * image + config.text_weight * text
    losses = {"image_loss": image, "text_loss": text}
    if prediction.context_image is not None:
        target = context_target(batch.frames).expand_as(prediction.context_image)
        losses["context_loss"] = functional.mse_loss(prediction.context_image.float(), target)
        total = total + config.context_weight * losses["context_loss"]
    return {"total_loss": total, **losses}


@torch.no_grad()
def window_losses(
    prediction: Prediction, output: nn.Linear, batch: Batch, pad: int
) -> dict[str, torch.Tensor]:
    """(B,) float64 each: what the components of `story_losses` are means of, window by window.

    `image` and `context` are means over a window's pixels, `text_nats` the sum over its `text_tokens`.
    """
    image = (prediction.image.float() - batch.target_frame).abs()
    tokens = batch.target_tokens
    nats = token_nats(prediction.word_states, output, tokens, pad, batch.target_count, prediction.copying)
    found = {
        "image": image.flatten(1).mean(dim=1),
        "text_nats": nats.double().sum(dim=1),
        "text_tokens": (tokens[:, 1:] != pad).sum(dim=1),
    }
    if prediction.context_image is not None:
        squares = (prediction.context_image.float() - context_target(batch.frames)).square()
        found["context"] = squares.flatten(1).mean(dim=1)
    return {name: values.double() for name, values in found.items()}
