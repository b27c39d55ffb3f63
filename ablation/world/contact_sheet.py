"""Stories as rows of frames in one picture: python -m ablation.world.contact_sheet sheet.jpg 100 10"""

import sys
from pathlib import Path

from PIL import Image

from ablation.world.canvas import FRAME
from ablation.world.paint import paint
from ablation.world.story import plan_story

GAP = 6


def contact_sheet(indices: list[int], *, seed: int = 0, columns: int = 6, width: int = 236) -> Image.Image:
    """The first frames of training stories, `width` pixels each."""
    height = width * FRAME[1] // FRAME[0]
    sheet = Image.new("RGB", (columns * (width + GAP), len(indices) * (height + GAP)))
    for row, index in enumerate(indices):
        for column, state in enumerate(plan_story(seed, "train", index)[:columns]):
            frame = paint(state).image.resize((width, height), Image.Resampling.BOX)
            sheet.paste(frame, (column * (width + GAP), row * (height + GAP)))
    return sheet


def main(path: Path, first: int = 0, count: int = 10) -> None:
    contact_sheet(list(range(first, first + count))).save(path, quality=84, optimize=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), *(int(value) for value in sys.argv[2:]))
