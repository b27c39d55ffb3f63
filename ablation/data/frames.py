"""A film frame as the original made it: equalised at full size, then resized to 60×125 by PIL."""

import io
from functools import cache

import numpy as np
from PIL import Image, ImageOps
from torchvision.transforms import functional

FRAME_HEIGHT, FRAME_WIDTH = 60, 125
FORMATS = ("JPEG", "PNG", "WEBP", "AVIF", "GIF", "BMP", "TIFF", "JPEG2000", "PPM", "TGA")
"""What is read; an EPS, for one, is a program that Pillow has Ghostscript run."""
MOST_PIXELS = 2**25
"""Of a picture, a frame of 8K film among them. A small file may declare billions."""
SCAN, MOST_SCANS = b"\xff\xda", 200
"""Of a progressive JPEG, which has about ten; each goes over all pixels, and thousands fit into a small file."""
MODES = ("1", "L", "LA", "P", "PA", "RGB", "RGBA", "RGBa", "RGBX", "CMYK", "YCbCr", "LAB", "HSV")
"""Eight bits a channel or fewer: Pillow cuts off what is brighter than 255 of the others, so that all goes white."""


def decode_frame(encoded: bytes) -> Image.Image:
    """An encoded image as full-size RGB, upright as its EXIF says (like `datasets` does).

    Raises OSError, SyntaxError or ValueError when it cannot be read, or is beyond the limits above.
    """
    with Image.open(io.BytesIO(encoded), formats=_formats()) as image:
        _check(image, encoded)
        ImageOps.exif_transpose(image, in_place=True)
        image.load()
        return image if image.mode == "RGB" else image.convert("RGB")


def _check(image: Image.Image, encoded: bytes) -> None:
    width, height = image.size
    if width * height > MOST_PIXELS:
        raise ValueError(f"{width:,} × {height:,} pixels are more than {MOST_PIXELS:,}: make it smaller")
    if image.mode not in MODES:
        raise ValueError(f"its mode {image.mode} has more than 8 bits a channel: save it with 8")
    scans = bytes(encoded).count(SCAN) if image.format in ("JPEG", "MPO") else 0
    if scans > MOST_SCANS:
        raise ValueError(f"{scans:,} scans are more than {MOST_SCANS}: save it anew")


@cache
def _formats() -> tuple[str, ...]:
    """Those of FORMATS that this Pillow reads."""
    Image.init()
    return tuple(name for name in FORMATS if name in Image.OPEN)


def prepare_frame(image: Image.Image, equalize: bool) -> np.ndarray:
    """(3, 60, 125) uint8; divided by 255 it equals torchvision's `to_tensor` bit for bit."""
    if equalize:
        image = functional.equalize(image)
    small = functional.resize(image, [FRAME_HEIGHT, FRAME_WIDTH])
    return np.asarray(small).transpose(2, 0, 1)


def picture_of(frame: np.ndarray) -> Image.Image:
    """(3, height, width) in [0, 1]; what lies outside is cut off."""
    levels = (frame.transpose(1, 2, 0).clip(0, 1) * 255).round().astype(np.uint8)
    return Image.fromarray(levels)
