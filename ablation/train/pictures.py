"""The prediction figure: four frames with their texts, the target, and what the model says."""

import textwrap
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

FRAMES = 6
GAP = 6  # pixels of a frame between two frames
WIDTH, HEIGHT = 18.6, 3.5  # inches
STRIP_TOP, STRIP_BOTTOM = 0.845, 0.42  # shares of the figure's height
CHARACTERS_PER_LINE, MOST_LINES = 54, 16
PREDICTION_COLOUR = "#0072B2"


@dataclass(frozen=True)
class PredictionPicture:
    """One window with its prediction; frames are (3, 60, 125) in [0, 1]."""

    story_id: str
    frames: np.ndarray  # (5, 3, 60, 125)
    texts: list[str]  # of frames 1 to 5
    predicted_frame: np.ndarray
    predicted_text: str
    text_target: str


def prediction_figure(picture: PredictionPicture, title: str) -> Figure:
    """Six frames in a row, each over its text."""
    figure = Figure(figsize=(WIDTH, HEIGHT))
    strip = figure.add_axes((0.005, STRIP_BOTTOM, 0.99, STRIP_TOP - STRIP_BOTTOM))
    pixels, lefts = _strip([*picture.frames, picture.predicted_frame])
    strip.imshow(pixels, interpolation="nearest", aspect="auto")
    strip.set_axis_off()
    height, width = pixels.shape[:2]
    frame = (lefts[-1], -0.5), width - lefts[-1] - 1, height
    strip.add_patch(Rectangle(*frame, fill=False, edgecolor=PREDICTION_COLOUR, linewidth=3, clip_on=False))
    figure.text(0.5, 0.97, f"{title} · story {picture.story_id}", fontsize=11, ha="center", va="top")
    texts = [*picture.texts, picture.predicted_text or "(no words)"]
    for left, heading, text in zip(lefts, _headings(picture.text_target), texts, strict=True):
        x = 0.005 + 0.99 * left / width
        figure.text(x, STRIP_TOP + 0.015, heading, fontsize=9)
        figure.text(x, STRIP_BOTTOM - 0.02, _folded(text), fontsize=7, va="top", linespacing=1.15)
    return figure


def _strip(frames: list[np.ndarray]) -> tuple[np.ndarray, list[int]]:
    """(60, width, 3) in [0, 1] with white gaps, and the left edge of every frame."""
    height, width = frames[0].shape[1:]
    lefts = [number * (width + GAP) for number in range(FRAMES)]
    pixels = np.ones((height, lefts[-1] + width, 3), np.float32)
    for left, frame in zip(lefts, frames, strict=True):
        pixels[:, left : left + width] = frame.transpose(1, 2, 0).clip(0, 1)
    return pixels, lefts


def _headings(text_target: str) -> list[str]:
    plain = [f"frame {number}" for number in range(1, 5)]
    if text_target == "frame4":
        return [
            *plain[:3],
            "frame 4 · its text is the text target",
            "frame 5, the image target",
            "prediction",
        ]
    return [*plain, "frame 5, the target", "prediction"]


def _folded(text: str) -> str:
    lines = textwrap.wrap(text.replace("$", r"\$"), CHARACTERS_PER_LINE)
    return "\n".join(lines if len(lines) <= MOST_LINES else [*lines[:MOST_LINES], "…"])
