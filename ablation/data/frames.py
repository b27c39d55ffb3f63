"""A film frame as the original made it: equalised at full size, then resized to 60×125 by PIL."""

import io

import numpy as np
from PIL import Image, ImageOps
from torchvision.transforms import functional

FRAME_HEIGHT, FRAME_WIDTH = 60, 125


def decode_frame(encoded: bytes) -> Image.Image:
    """An encoded image as full-size RGB, upright as its EXIF says (like `datasets` does).

    Raises OSError, SyntaxError or ValueError when it cannot be read.
    """
    with Image.open(io.BytesIO(encoded)) as image:
        ImageOps.exif_transpose(image, in_place=True)
        image.load()
        return image if image.mode == "RGB" else image.convert("RGB")


def prepare_frame(image: Image.Image, equalize: bool) -> np.ndarray:
    """(3, 60, 125) uint8; divided by 255 it equals torchvision's `to_tensor` bit for bit."""
    if equalize:
        image = functional.equalize(image)
    small = functional.resize(image, [FRAME_HEIGHT, FRAME_WIDTH])
    return np.asarray(small).transpose(2, 0, 1)
