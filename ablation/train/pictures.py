"""The prediction figure: four frames with their texts, the target, and what the model says."""

import textwrap
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure

PANEL_WIDTH, PANEL_HEIGHT = 3.1, 3.6  # inches
MARGINS = {"left": 0.01, "right": 0.99, "top": 0.84, "bottom": 0.02, "wspace": 0.06, "hspace": 0.03}
CHARACTERS_PER_LINE, MOST_LINES = 56, 15


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
    """Six panels in a row, each a frame over its text."""
    figure = Figure(figsize=(6 * PANEL_WIDTH, PANEL_HEIGHT))
    figure.suptitle(f"{title} · story {picture.story_id}", fontsize=11)
    headings = [f"frame {n}" for n in range(1, 5)] + ["frame 5, the target", "prediction"]
    frames = [*picture.frames, picture.predicted_frame]
    texts = [*picture.texts, picture.predicted_text or "(no words)"]
    if picture.text_target == "frame4":
        headings[3] += " · its text is the text target"
        headings[4] = "frame 5, the image target"
    panels = figure.subplots(2, 6, height_ratios=[1, 1.35], gridspec_kw=MARGINS)
    for column, (heading, frame, text) in enumerate(zip(headings, frames, texts, strict=True)):
        _draw_panel(panels[0, column], panels[1, column], heading, frame, text)
        if column == 5:
            panels[0, column].spines[:].set(visible=True, color="#0072B2", linewidth=2.5)
    return figure


def _draw_panel(image_axes, text_axes, heading: str, frame: np.ndarray, text: str) -> None:
    image_axes.imshow(frame.transpose(1, 2, 0).clip(0, 1), interpolation="nearest")
    image_axes.set_title(heading, fontsize=9)
    image_axes.set(xticks=[], yticks=[])
    image_axes.spines[:].set_visible(False)
    lines = textwrap.wrap(text, CHARACTERS_PER_LINE)
    if len(lines) > MOST_LINES:
        lines = [*lines[:MOST_LINES], "…"]
    text_axes.text(0, 1, "\n".join(lines), va="top", fontsize=7, transform=text_axes.transAxes)
    text_axes.axis("off")
