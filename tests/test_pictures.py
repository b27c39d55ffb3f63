"""The prediction picture: real pixels, real letters."""

import numpy as np
import pytest
from PIL import ImageChops

from ablation.train.pictures import ENLARGED, PREDICTION_COLOUR, PredictionPage


def page(texts=("a", "b", "c", "d", "e"), text_target="frame4", **layout):
    frames = np.stack([np.full((3, 60, 125), level, np.float32) for level in (0.1, 0.2, 0.3, 0.4, 0.5)])
    return PredictionPage("story-7", frames, list(texts), text_target, **layout)


@pytest.mark.parametrize("per_row, rows", [(3, 2), (6, 1), (4, 2)])
def test_frames_stand_in_rows_and_the_prediction_comes_last(per_row, rows):
    made = page(per_row=per_row)
    picture = made.predicted("Basecase, epoch 3", np.full((3, 60, 125), 1.5, np.float32), "words")
    middles = [(left + 60 * ENLARGED, top + 30 * ENLARGED) for left, top in made.corners]
    assert made.corners == sorted(made.corners, key=lambda corner: (corner[1], corner[0]))
    assert len({top for _, top in made.corners}) == rows
    shown = [picture.getpixel(middle)[0] for middle in middles]
    assert shown == [round(255 * level) for level in (0.1, 0.2, 0.3, 0.4, 0.5, 1.0)]
    blue = tuple(int(PREDICTION_COLOUR[i : i + 2], 16) for i in (1, 3, 5))
    left, top = made.corners[-1]
    assert picture.getpixel((left - 3, top + 30 * ENLARGED)) == blue


def test_a_long_text_pushes_the_next_row_down():
    assert page(texts=["word " * 60, *"bcde"]).corners[4][1] > page().corners[4][1]


def test_a_second_prediction_does_not_show_the_first():
    made, grey = page(), np.full((3, 60, 125), 0.5, np.float32)
    first = made.predicted("t", grey, "one text")
    made.predicted("t", 1 - grey, "quite another text that is longer")
    assert ImageChops.difference(made.predicted("t", grey, "one text"), first).getbbox() is None


@pytest.mark.parametrize("text", ["", "word " * 500, "naïve $x^2$ Ω “quoted” 中文", "line\nbreak"])
def test_any_text_is_drawn_within_the_page(text):
    made = page(texts=[text] * 5)
    picture = made.predicted("t", np.zeros((3, 60, 125), np.float32), text)
    edge = picture.crop((0, picture.height - 4, picture.width, picture.height))
    assert edge.getcolors() == [(edge.width * edge.height, (255, 255, 255))]


def test_the_close_ups_show_target_and_prediction():
    made = page()
    picture = made.predicted("t", np.full((3, 60, 125), 1.0, np.float32), "words")
    beside, above = made.close_ups(picture)
    row = 40 * ENLARGED
    for close_up in (beside, above):
        assert close_up.crop((0, 0, close_up.width, 2)).getcolors() == [(2 * close_up.width, (255, 255, 255))]
    levels = {
        beside.getpixel((60 * ENLARGED, row))[0],
        beside.getpixel((beside.width - 60 * ENLARGED, row))[0],
    }
    assert levels == {round(255 * 0.5), 255} and beside.height > 400
    middle = above.width // 2
    assert above.getpixel((middle, above.height // 4))[0] == round(255 * 0.5)
    assert above.getpixel((middle, 3 * above.height // 4 + 20))[0] == 255 and above.height > above.width
