"""Stories as rows of frames in one picture: python -m ablation.world.contact_sheet sheet.png"""

import sys
from pathlib import Path

import numpy as np
from PIL import Image

from ablation.world.paint import paint
from ablation.world.process import sample_story


def contact_sheet(indices: list[int], *, seed: int = 0, columns: int = 6, width: int = 320) -> Image.Image:
    height = width * 240 // 500
    sheet = Image.new("RGB", (columns * (width + 6), len(indices) * (height + 6)))
    for row, index in enumerate(indices):
        generator = np.random.default_rng(np.random.SeedSequence([seed, 0, index]))
        for column, state in enumerate(sample_story(generator)[:columns]):
            frame = paint(state).image.resize((width, height), Image.Resampling.BOX)
            sheet.paste(frame, (column * (width + 6), row * (height + 6)))
    return sheet


def main(path: Path, first: int = 0, count: int = 10) -> None:
    contact_sheet(list(range(first, first + count))).save(path)


if __name__ == "__main__":
    main(Path(sys.argv[1]), *(int(value) for value in sys.argv[2:]))
