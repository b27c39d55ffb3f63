"""Broken and strange pictures: each becomes a frame or is refused by story and frame, in bounded time."""

import io
import random
import struct
import time
import warnings
import zlib

import numpy as np
import pytest
from PIL import Image

from ablation.data.frames import MOST_PIXELS, decode_frame, prepare_frame
from ablation.data.prepared_story import prepare_story
from ablation.errors import DataError
from ablation.predict.story import _picture

PNG = b"\x89PNG\r\n\x1a\n"
KINDS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "JPEG2000", "PPM", "TGA", "AVIF")


def picture(mode: str = "RGB", size=(64, 36)) -> Image.Image:
    pixels = np.random.default_rng(5).integers(20, 200, (size[1], size[0], 3), dtype=np.uint8)
    return Image.fromarray(pixels).convert(mode)


def encoded(image: Image.Image, kind: str, **more) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **more)
    return buffer.getvalue()


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width: int, height: int, rows: int, more: bytes = b"") -> bytes:
    """A black picture of which only so many rows are there."""
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    data = zlib.compress((b"\0" * (3 * width + 1)) * rows, 9)
    return PNG + chunk(b"IHDR", head) + more + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def outcome(image: object) -> np.ndarray | str:
    """The frame of the picture, or the message of a refusal that names story, frame and cure."""
    text = "".join(f"<gdi image{n}>A.</gdi>" for n in range(1, 6))
    images = [GOOD] * 2 + [image] + [GOOD] * 2
    try:
        story = prepare_story({"story_id": "s-7", "images": images, "story": text}, True, "first")
    except DataError as error:
        assert str(error).startswith("story s-7, frame 3: the picture cannot be read (")
        assert str(error).endswith("Mend or remove that story")
        assert str(error).isprintable() and len(str(error)) < 600
        return str(error)
    assert story.frames.shape == (5, 3, 60, 125) and story.frames.dtype == np.uint8
    return story.frames[2]


GOOD = encoded(picture(), "PNG")
STRANGE = {
    "1 bit": encoded(picture("1"), "PNG"),
    "grey and alpha": encoded(picture("LA"), "PNG"),
    "RGBA": encoded(picture("RGBA"), "PNG"),
    "palette with transparency": encoded(picture("P"), "PNG", transparency=3),
    "CMYK": encoded(picture("CMYK"), "JPEG"),
    "YCbCr": encoded(picture("YCbCr"), "TIFF"),
    "1x1": encoded(picture(size=(1, 1)), "PNG"),
    "20,000 wide": encoded(picture(size=(20_000, 2)), "PNG"),
    "60,000 high": encoded(picture(size=(1, 60_000)), "PNG"),
    "animated GIF": encoded(picture("P"), "GIF", save_all=True, append_images=[picture("L")] * 3),
    "animated WebP": encoded(picture(), "WEBP", save_all=True, append_images=[picture("L").convert("RGB")] * 3),
    "animated PNG": encoded(picture(), "PNG", save_all=True, append_images=[picture("L").convert("RGB")] * 3),
    "junk for a colour profile": encoded(picture(), "JPEG", icc_profile=b"junk" * 99),
    "junk for EXIF": encoded(picture(), "JPEG", exif=b"Exif\0\0II*\0" + b"\xff" * 99),
    "16 bit RGB": PNG + chunk(b"IHDR", struct.pack(">IIBBBBB", 8, 8, 16, 2, 0, 0, 0))
    + chunk(b"IDAT", zlib.compress((b"\0" + b"\x40" * 48) * 8)) + chunk(b"IEND", b""),
}  # fmt: skip


@pytest.mark.parametrize("image", STRANGE.values(), ids=STRANGE)
def test_a_strange_picture_becomes_a_frame(image):
    frame = outcome(image)
    assert isinstance(frame, np.ndarray), frame
    assert frame.min() < 255


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_that_is_named_is_read(kind):
    assert isinstance(outcome(encoded(picture(), kind)), np.ndarray)


def test_a_progressive_picture_is_read():
    assert isinstance(outcome(scanned(3)), np.ndarray)


def test_an_animation_is_its_first_picture():
    assert np.array_equal(outcome(STRANGE["animated PNG"]), outcome(GOOD))


def test_a_pillow_image_is_turned_as_its_file_is():
    exif = Image.Exif()
    exif[0x0112] = 6
    with Image.open(io.BytesIO(encoded(picture(), "PNG", exif=exif))) as opened:
        assert _picture(opened).size == decode_frame(encoded(picture(), "PNG", exif=exif)).size == (36, 64)


def test_a_picture_is_turned_as_its_exif_says():
    exif = Image.Exif()
    exif[0x0112] = 6
    turned = decode_frame(encoded(picture(), "PNG", exif=exif))
    assert turned.size == (36, 64)
    assert np.array_equal(
        prepare_frame(turned, False), prepare_frame(picture().rotate(-90, expand=True), False)
    )


def scanned(times: int) -> bytes:
    """A progressive JPEG whose last scan comes again and again."""
    image = encoded(picture(), "JPEG", progressive=True)
    last = image[image.rindex(b"\xff\xda") : -2]
    return image[:-2] + times * last + image[-2:]


REFUSED = {
    "nothing": (b"", "it is empty"),
    "text": (b"hello", "cannot identify"),
    "SVG": (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "cannot identify"),
    "HTML of an error": (b"<!DOCTYPE html><title>404</title>", "cannot identify"),
    "PDF": (encoded(picture(), "PDF"), "cannot identify"),
    "half a JPEG": (encoded(picture(), "JPEG")[:700], "truncated"),
    "half a PNG": (GOOD[:700], ""),
    "a PNG with a broken chunk": (GOOD[:60] + b"\xff\xff" + GOOD[62:], ""),
    "16 bit grey": (encoded(Image.fromarray(np.arange(99, dtype=np.uint16).reshape(9, 11)), "PNG"), "more than 8 bits a channel: save it with 8"),
    "32 bit grey": (encoded(Image.fromarray(np.arange(99, dtype=np.int32).reshape(9, 11)), "TIFF"), "more than 8 bits"),
    "floats": (encoded(Image.fromarray(np.ones((9, 11), np.float32)), "TIFF"), "more than 8 bits a channel"),
    "a bomb of 60,000 x 60,000": (png(60_000, 60_000, 3), "3600000000 pixels"),
    "one below Pillow's own limit": (png(12_000, 12_000, 3), "12,000 × 12,000 pixels are more than 33,554,432: make it smaller"),
    "a JPEG of endless scans": (scanned(5000), "5,010 scans are more than 200: save it anew"),
    "a text of gigabytes in a PNG": (png(8, 8, 8, chunk(b"zTXt", b"k\0\0" + zlib.compress(b"a" * 10**7, 9))), "Decompressed data too large"),
}  # fmt: skip


@pytest.mark.parametrize("image, told", REFUSED.values(), ids=REFUSED)
def test_a_picture_that_is_none_is_refused_at_once(image, told):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        began = time.perf_counter()
        message = outcome(image)
    assert isinstance(message, str) and told in message, message
    assert time.perf_counter() - began < 2


def test_the_largest_picture_takes_seconds():
    began = time.perf_counter()
    assert isinstance(outcome(png(2**13, MOST_PIXELS // 2**13, MOST_PIXELS // 2**13)), np.ndarray)
    assert time.perf_counter() - began < 10


def test_no_program_is_run_for_a_picture(tmp_path, monkeypatch):
    """Pillow gives an EPS to Ghostscript, where it finds one."""
    program = tmp_path / "gs"
    program.write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    monkeypatch.setattr("PIL.EpsImagePlugin.gs_binary", None)
    assert "cannot identify" in outcome(encoded(picture(), "EPS"))
    assert not (tmp_path / "ran").exists()


def mutated(image: bytes, draws: random.Random) -> bytes:
    made = bytearray(image)
    for _ in range(draws.randint(1, 8)):
        place = draws.randrange(len(made))
        turn = draws.randrange(5)
        if turn == 0:
            made[place] ^= 1 << draws.randrange(8)
        elif turn == 1:
            made[place : place + 4] = draws.choice(
                (b"\xff\xff\xff\xff", b"\0\0\0\0", b"\x7f\xff\xff\xff", draws.randbytes(4))
            )
        elif turn == 2:
            made[place : place + draws.randint(1, 40)] = b""
        elif turn == 3:
            made[place:place] = draws.randbytes(draws.randint(1, 40))
        elif draws.random() < 0.3:
            made = made[: place + 1]
        made = made or bytearray(b"x")
    return bytes(made)


def sweep(each: int) -> None:
    goods = [encoded(picture(), kind) for kind in KINDS] + list(STRANGE.values())
    draws, frames, slowest, count = random.Random(13), 0, 0.0, 0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for image in goods:
            for _ in range(each):
                began, count = time.perf_counter(), count + 1
                frames += isinstance(outcome(mutated(image, draws)), np.ndarray)
                slowest = max(slowest, time.perf_counter() - began)
    assert count / 50 < frames < count and slowest < 5


def test_hundreds_of_broken_pictures():
    sweep(20)


@pytest.mark.slow
def test_ten_thousand_broken_pictures():
    sweep(400)
