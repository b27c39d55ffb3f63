"""Frames exactly as the original made them."""

import io

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision.transforms import functional

from ablation.data.frames import decode_frame, prepare_frame


def picture(mode: str, size=(313, 171)) -> Image.Image:
    pixels = np.random.default_rng(5).integers(20, 200, (size[1], size[0], 3), dtype=np.uint8)
    return Image.fromarray(pixels).convert(mode)


def encoded(image: Image.Image, kind: str) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind)
    return buffer.getvalue()


@pytest.mark.parametrize("equalize", [True, False])
@pytest.mark.parametrize("size", [(313, 171), (125, 60), (40, 30), (1280, 544)])
def test_bit_identical_to_the_path_of_the_original(equalize, size):
    image = decode_frame(encoded(picture("RGB", size), "PNG"))
    original = functional.equalize(image) if equalize else image
    original = functional.to_tensor(functional.resize(original, [60, 125]))
    ours = torch.from_numpy(prepare_frame(image, equalize).copy()).float().div(255)
    assert torch.equal(ours, original)


def test_equalising_comes_before_resizing():
    image = picture("RGB")
    wrong = np.asarray(functional.equalize(functional.resize(image, [60, 125]))).transpose(2, 0, 1)
    assert not np.array_equal(prepare_frame(image, True), wrong)


@pytest.mark.parametrize(
    "mode, kind", [("L", "PNG"), ("P", "PNG"), ("RGBA", "PNG"), ("CMYK", "JPEG"), ("1", "PNG")]
)
def test_other_modes_become_rgb(mode, kind):
    assert prepare_frame(decode_frame(encoded(picture(mode), kind)), True).shape == (3, 60, 125)


def test_a_truncated_picture_is_an_error():
    with pytest.raises((OSError, SyntaxError)):
        decode_frame(encoded(picture("RGB"), "JPEG")[:2000])
