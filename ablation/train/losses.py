"""The losses of the original: L1(image) + CE(text) + 0.2 · MSE(context)."""

import torch
from torch.nn import functional

from ablation.config.config import Config
from ablation.data.windows import Batch
from ablation.models.storyteller import Prediction

LOSS_NAMES = ("total_loss", "image_loss", "context_loss", "text_loss")


def text_loss(logits: torch.Tensor, tokens: torch.Tensor, pad: int) -> torch.Tensor:
    """Nats per token of `tokens` (B, T) from its second on, padding ignored; logits (B, T-1, V)."""
    return functional.cross_entropy(logits.float().flatten(0, 1), tokens[:, 1:].flatten(), ignore_index=pad)


def context_target(frames: torch.Tensor) -> torch.Tensor:
    """(3, 60, 125): the mean of all input frames (B, K, 3, 60, 125) of the batch."""
    return frames.mean(dim=(0, 1))


def story_losses(prediction: Prediction, batch: Batch, pad: int, config: Config) -> dict[str, torch.Tensor]:
    """The components and their weighted sum; no `context_loss` without a context head."""
    image = functional.l1_loss(prediction.image.float(), batch.target_frame)
    text = text_loss(prediction.logits, batch.target_tokens, pad)
    total = config.image_weight * image + config.text_weight * text
    losses = {"image_loss": image, "text_loss": text}
    if prediction.context_image is not None:
        target = context_target(batch.frames).expand_as(prediction.context_image)
        losses["context_loss"] = functional.mse_loss(prediction.context_image.float(), target)
        total = total + config.context_weight * losses["context_loss"]
    return {"total_loss": total, **losses}
