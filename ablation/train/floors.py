"""Floors: what a loss is worth. Each is a prediction that looks at no input, or only copies one.

Measured on the windows that the loss beside it is measured on, averaged as the loss is.
"""

from collections.abc import Sequence

import numpy as np

from ablation.data.oracle import WindowOracle
from ablation.data.statistics import distances_to, median_frame, window_distances
from ablation.data.tokens import Vocabulary
from ablation.data.windows import WINDOW, StoryWindows

WINDOWS_AT_ONCE = 64


def floors(
    fitted: StoryWindows, scored: StoryWindows, vocabulary: Vocabulary, batch_size: int
) -> dict[str, float]:
    """All floors by their metric names; the constant image and the word frequencies are `fitted` on training windows."""
    constant = median_frame(fitted.frames, fitted.target_frame_rows())
    return {
        "floor/image_median": float(distances_to(scored.frames, scored.target_frame_rows(), constant).mean()),
        **copy_floors(scored),
        **blend_floors(scored, constant),
        "floor/text_unigram": text_unigram_floor(fitted, scored, vocabulary, batch_size),
    }


def oracle_floors(oracles: Sequence[WindowOracle], text_target: str, batch_size: int) -> dict[str, float]:
    """What perfect understanding reaches on the scored windows, and how far these numbers may be off.

    The description of frame 4 is itself among the inputs: as a target it leaves nothing to chance.
    """
    image = float(np.mean([o.image_loss for o in oracles]))
    half = float(np.mean([o.image_loss_half for o in oracles]))
    tokens = np.array([o.tokens for o in oracles])
    told, hinted = (
        batch_weighted_mean(np.array([getattr(o, name) for o in oracles]) * tokens, tokens, batch_size)
        for name in ("text_told", "text_hinted")
    )
    chance = 0.0 if text_target == "frame4" else 1.0
    return {
        "floor/image_oracle": image,
        "floor/image_oracle_error": half - image,
        "floor/text_oracle": chance * (told + hinted / 2),
        "floor/text_oracle_error": chance * hinted / 2,
    }


def image_skill(image_loss: float, median: float, oracle: float) -> float:
    """0 is a constant image, 1 cannot be beaten; negative is worse than a constant image."""
    return (median - image_loss) / (median - oracle)


def image_median_floor(train: StoryWindows, scored: StoryWindows) -> float:
    """L1 of the best constant image: the per-pixel median of the training targets."""
    return constant_image_loss(train, train.target_frame_rows(), scored, scored.target_frame_rows())


def constant_image_loss(
    train: StoryWindows, train_rows: np.ndarray, scored: StoryWindows, scored_rows: np.ndarray
) -> float:
    """L1 of the per-pixel median of some frames on others."""
    constant = median_frame(train.frames, train_rows)
    return float(distances_to(scored.frames, scored_rows, constant).mean())


def copy_floors(scored: StoryWindows) -> dict[str, float]:
    """L1 of repeating frame 4, of the best of always repeating the same of the four, and of an oracle that repeats
    the closest one.
    """
    distances = window_distances(scored.frames, scored.starts)  # (W, 4)
    return {
        "floor/image_copy_last": float(distances[:, -1].mean()),
        "floor/image_copy_fixed": float(distances.mean(axis=0).min()),
        "floor/image_best_of_4": float(distances.min(axis=1).mean()),
    }


def blend_floors(scored: StoryWindows, constant: np.ndarray) -> dict[str, float]:
    """L1 of pictures blended without looking: the mean of the four inputs, their per-pixel median, and half that
    mean with half the `constant` image, the strongest of them where shots cut.
    """
    sums, steps = np.zeros(3), np.arange(WINDOW)
    for start in range(0, len(scored), WINDOWS_AT_ONCE):
        rows = scored.starts[start : start + WINDOWS_AT_ONCE, None] + steps
        windows = scored.frames[rows].astype(np.float32)  # (B, 5, 3, 60, 125)
        mean, median = windows[:, :-1].mean(axis=1), np.median(windows[:, :-1], axis=1)
        for place, picture in enumerate((mean, median, (mean + constant) / 2)):
            sums[place] += np.abs(picture - windows[:, -1]).mean(axis=(1, 2, 3)).sum() / 255
    names = ("image_mean_of_4", "image_median_of_4", "image_half_blend")
    return {f"floor/{name}": float(total / len(scored)) for name, total in zip(names, sums, strict=True)}


def text_unigram_floor(
    train: StoryWindows, scored: StoryWindows, vocabulary: Vocabulary, batch_size: int
) -> float:
    """Nats per token of word frequencies (add-one smoothed), without any context."""
    texts = train.target_token_rows(), scored.target_token_rows()
    return word_frequency_loss(*texts, vocabulary, batch_size)


def word_frequency_loss(
    train_tokens: np.ndarray, scored_tokens: np.ndarray, vocabulary: Vocabulary, batch_size: int
) -> float:
    """The same of any texts (N, 120)."""
    targets, tokens = train_tokens[:, 1:], scored_tokens[:, 1:]
    counts = np.bincount(targets[targets != vocabulary.pad], minlength=vocabulary.size) + 1
    surprise = -np.log(counts / counts.sum())
    real = tokens != vocabulary.pad
    return batch_weighted_mean((surprise[tokens] * real).sum(axis=1), real.sum(axis=1), batch_size)


def batch_weighted_mean(sums: np.ndarray, counts: np.ndarray, batch_size: int) -> float:
    """The original's average: a mean per batch of stories, weighted by the batch's stories."""
    total = 0.0
    for start in range(0, len(sums), batch_size):
        part = slice(start, start + batch_size)
        total += sums[part].sum() / counts[part].sum() * len(sums[part])
    return float(total / len(sums))
