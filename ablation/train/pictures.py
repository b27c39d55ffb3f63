"""The prediction picture: four frames with their texts, the target, and what the model says.

Drawn with Pillow: one is made per epoch and split, and matplotlib takes ten times as long for it.
"""

import textwrap
from functools import cache
from pathlib import Path

import matplotlib
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from ablation.data.frames import picture_of

ENLARGED = 3
GAP, MARGIN, CLOSE = 20, 16, 8  # pixels
TOP, HEADED = 78, 36  # room above the first row for title and headings, above the others for headings
CHARACTERS_PER_LINE, MOST_LINES, LINE = 40, 18, 19  # a line's height in pixels
PER_ROW = 4  # what is given, and below it what is asked; the texts can be read where a page is shown 900 pixels wide
TITLE_SIZE, HEADING_SIZE, TEXT_SIZE = 22, 20, 17
INK, PAPER, PREDICTION_COLOUR = "#1a1a1a", "white", "#0072B2"


class PredictionPage:
    """Frames, each over its text; the last one, in a blue border, is the prediction.

    What does not change from epoch to epoch is drawn once.
    """

    def __init__(
        self,
        story_id: str,
        frames: np.ndarray,
        texts: list[str],
        text_target: str | None,
        per_row: int = PER_ROW,
    ):
        """Frames (5, 3, 60, 125) in [0, 1] and their texts; without a text target (4, …), where no fifth is known."""
        self.story_id = story_id
        shown = [_enlarged(frame) for frame in frames]
        self.width, self.height = shown[0].size
        folded = [_folded(text) for text in texts]
        self.corners, size = self._laid_out([*folded, "\n" * MOST_LINES], per_row)
        self.page = Image.new("RGB", size, PAPER)
        draw = ImageDraw.Draw(self.page)
        for (left, top), heading in zip(self.corners, _headings(text_target), strict=True):
            draw.text((left, top - 14), heading, INK, _font(HEADING_SIZE), anchor="ls")
        for corner, frame, text in zip(self.corners, shown, folded, strict=False):
            self._place(self.page, corner, frame, text)

    def predicted(self, title: str, frame: np.ndarray, text: str) -> Image.Image:
        """The page with a prediction on it; the frame is (3, 60, 125) in [0, 1]."""
        page, (left, top) = self.page.copy(), self.corners[-1]
        self._place(page, (left, top), _enlarged(frame), _folded(text or "(no words)"))
        draw = ImageDraw.Draw(page)
        border = (left - 5, top - 5, left + self.width + 4, top + self.height + 4)
        draw.rectangle(border, outline=PREDICTION_COLOUR, width=5)
        heading = f"{title} · story {self.story_id}"
        draw.text((page.width / 2, MARGIN), heading, INK, _font(TITLE_SIZE), anchor="ma")
        return page

    def close_ups(self, predicted: Image.Image) -> tuple[Image.Image, Image.Image]:
        """Of a page with a prediction on it: target and prediction side by side with their texts, and, to be shown
        small, one above the other without.
        """
        (target, top), (prediction, _) = self.corners[-2:]
        top, below, width = top - HEADED, top + self.height + CLOSE, self.width + 2 * CLOSE
        lefts = [left - CLOSE for left in (target, prediction)]
        frames = [predicted.crop((left, top, left + width, below)) for left in lefts]
        stacked = Image.new("RGB", (width, 2 * (below - top)), PAPER)
        for number, frame in enumerate(frames):
            stacked.paste(frame, (0, number * frame.height))
        return predicted.crop((lefts[0], top, lefts[1] + width + CLOSE, predicted.height)), stacked

    def _laid_out(self, folded: list[str], per_row: int) -> tuple[list[tuple[int, int]], tuple[int, int]]:
        """The upper left corner of each frame, (left, top), and the size of the page: a row is as high as its texts ask."""
        corners, top = [], TOP
        for first in range(0, len(folded), per_row):
            row = folded[first : first + per_row]
            corners += [(MARGIN + place * (self.width + GAP), top) for place in range(len(row))]
            bottom = top + self.height + 14 + LINE * (1 + max(text.count("\n") for text in row))
            top = bottom + GAP + HEADED
        right = max(left for left, _ in corners) + self.width
        return corners, (right + MARGIN, bottom + MARGIN)

    def _place(self, page: Image.Image, corner: tuple[int, int], frame: Image.Image, folded: str) -> None:
        page.paste(frame, corner)
        below = (corner[0], corner[1] + self.height + 14)
        ImageDraw.Draw(page).text(below, folded, INK, _font(TEXT_SIZE), spacing=3)


def _enlarged(frame: np.ndarray) -> Image.Image:
    small = picture_of(frame)
    return small.resize((small.width * ENLARGED, small.height * ENLARGED), Image.Resampling.NEAREST)


@cache
def _font(size: int) -> ImageFont.FreeTypeFont:
    """DejaVu Sans, which matplotlib brings along: it has more of the world's letters than Pillow's own."""
    return ImageFont.truetype(Path(matplotlib.get_data_path(), "fonts", "ttf", "DejaVuSans.ttf"), size)


def _headings(text_target: str | None) -> list[str]:
    plain = [f"frame {number}" for number in range(1, 5)]
    if text_target is None:
        return [*plain, "frame 5, predicted"]
    if text_target == "frame4":
        return [
            *plain[:3],
            "frame 4 · its text is the text target",
            "frame 5, the image target",
            "prediction",
        ]
    return [*plain, "frame 5, the target", "prediction"]


def _folded(text: str) -> str:
    lines = textwrap.wrap(text, CHARACTERS_PER_LINE)
    return "\n".join(lines if len(lines) <= MOST_LINES else [*lines[:MOST_LINES], "…"])
