"""Broken stories: each is prepared or refused by name, in bounded time; never another error."""

import io
import json
import random
import time
from functools import cache
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from ablation.data.descriptions import read_descriptions
from ablation.data.marks import read_marks
from ablation.data.prepared_story import MOST_CHARACTERS, MOST_FRAMES, PreparedStory, prepare_story
from ablation.data.statistics import characters_in_tables, characters_in_tags, story_measures
from ablation.data.tokens import encode, train_wordpiece
from ablation.errors import DataError, shown

PIECES = (
    "<gdi image1>", "<gdi image2>", "<gdi>", "<gdi image999999>", "<gdi image٣>", "<gdi", "< gdi", "</gdi>", "< / gdi >",
    "<gdo char1>", "<gdo char1", "<gdo", "</gdo>", "<gdl bg1>", "</gdl>", "<gda x>", "<", ">", "/", "<!", "&", "&amp;",
    "&#65;", "&#" + "9" * 5000, "&#x" + "f" * 5000, "&#" + "0" * 5000 + "65;", "## Image 1\n", "## Image " + "1" * 5000,
    "### Setting\n", "### Characters\n", "| a | b |\n", "|---|\n", "char1", "Anna", " waits. ", "\n", "\0", "\x1b[2J",
    "\u202e", "\ufeff", "🎬", "é" * 300, "9" * 5000,
)  # fmt: skip
TABLES = (
    "## Image 1\n### Characters\n| Character ID | Name |\n|---|---|\n| char1 | Anna |\n### Setting\n"
    "| Setting Element | Description | Narrative |\n|---|---|---|\n| Location | a kitchen | wide shot |\n"
)


@cache
def jpeg(colour: str = "teal") -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (16, 9), colour).save(buffer, "JPEG")
    return buffer.getvalue()


def good(frames: int = 6) -> dict:
    blocks = (
        f"<gdi image{n}><gdo char1>Anna</gdo> opens door {n} of <gdl bg1>the Kitchen</gdl>.</gdi>"
        for n in range(1, frames + 1)
    )
    images = [{"bytes": jpeg(), "path": f"{n}.jpg"} for n in range(frames)]
    return {"story_id": "s-7", "images": images, "story": "".join(blocks), "chain_of_thought": TABLES}


def outcome(row: dict, windows: str = "sliding") -> PreparedStory | str:
    """A story of the right shape, or the message of a refusal that names the story and the cure."""
    try:
        story = prepare_story(row, False, windows)
    except DataError as error:
        assert str(error).startswith(f"story {shown(str(row['story_id']))}"), error
        assert any(
            cure in str(error)
            for cure in ("Mend or remove", ": give", ": store", ": shorten", ": write", ": divide")
        )
        assert str(error).isprintable() and len(str(error)) < 600
        return str(error)
    count = sum(map(len, story.runs))
    assert story.frames.shape == (count, 3, 60, 125) and story.frames.dtype == np.uint8
    assert len(story.texts) == len(story.marks) == count and (story.problem is None) == (count > 0)
    assert all(len(run) >= 5 and run.start >= 1 for run in story.runs) and all(story.texts)
    json.dumps([story.texts, story.marks]).encode()
    return story


def soup(draws: random.Random, longest: int = 30) -> str:
    return "".join(draws.choice(PIECES) for _ in range(draws.randint(0, longest)))


def mutated(text: str, draws: random.Random) -> str:
    for _ in range(draws.randint(1, 6)):
        place, length = draws.randint(0, len(text)), draws.choice((0, 1, 1, 5, 60))
        piece = draws.choice(
            (draws.choice(PIECES), chr(draws.choice((0, 9, 60, 62, 0x301, 0xD7FF, 0x1F3AC))), "", "")
        )
        text = text[:place] + piece + text[place + length :]
        if draws.random() < 0.1:
            text = text[:place]
    return text


def broken(draws: random.Random) -> dict:
    """A good story with one or several of its parts broken."""
    row = good(draws.randint(4, 9))
    row["story"] = draws.choice((mutated(row["story"], draws), soup(draws), row["story"] + soup(draws), ""))
    row["chain_of_thought"] = draws.choice((None, "", soup(draws), mutated(TABLES, draws)))
    row["story_id"] = draws.choice(
        (None, 7, "", "s-7", "a/../b", "x\ny", "\0", "é" * 10_000, b"s", 1.5, True)
    )
    for image in row["images"]:
        if draws.random() < 0.05:
            image["bytes"] = draws.choice((None, b"", b"x", jpeg()[: draws.randint(1, 300)], 3, "text"))
    return row


def sweep(count: int) -> None:
    draws, outcomes = random.Random(11), []
    for number in range(count):
        outcomes.append(outcome(broken(draws), ("first", "sliding")[number % 2]))
    refused = sum(isinstance(o, str) for o in outcomes)
    skipped = sum(isinstance(o, PreparedStory) and o.problem is not None for o in outcomes)
    assert min(refused, skipped, count - refused - skipped) > count / 20


def test_three_thousand_broken_stories():
    sweep(3000)


@pytest.mark.slow
def test_twenty_thousand_broken_stories():
    sweep(20_000)


@settings(max_examples=200)
@given(st.text(max_size=300), st.lists(st.sampled_from(PIECES), max_size=12), st.integers(0, 7))
def test_any_text_is_prepared_or_refused(text, pieces, frames):
    story = good(frames) | {"story": text + "".join(pieces), "chain_of_thought": "".join(pieces) + text}
    outcome(story)
    story_measures([story])


WRONG = [3, 2.5, True, b"bytes", ["a", "list"], {"a": "dict"}, float("nan"), "half \ud800 a character"]


@pytest.mark.parametrize("column", ["story", "chain_of_thought"])
@pytest.mark.parametrize("value", WRONG, ids=repr)
def test_a_text_of_another_type_names_story_column_and_cure(column, value):
    told = outcome(good() | {column: value})
    assert told.startswith(f"story s-7: its {column}") and ("not text" in told or "half a character" in told)


@pytest.mark.parametrize(
    "value", [3, "five pictures", b"x", {"bytes": [b"x"] * 6, "path": [""] * 6}], ids=repr
)
def test_images_that_are_no_list_are_told_and_not_counted_as_few_frames(value):
    assert "its images are" in outcome(good() | {"images": value})


@pytest.mark.parametrize("row", [{"images": None}, {"story": None}, {"story": ""}, {"images": []}], ids=repr)
def test_what_is_missing_makes_a_story_that_is_left_out_with_the_reason(row):
    assert outcome(good() | row).problem and outcome(good() | row, "first").problem


@pytest.mark.parametrize(
    "image, told",
    [
        (None, "None stands in the place of its bytes"),
        ({"bytes": None, "path": "/etc/hostname"}, "/etc/hostname stands in the place of its bytes"),
        ({"bytes": None, "path": None}, "None stands in the place of its bytes"),
        ({}, "None stands in the place of its bytes"),
        ("/etc/hostname", "/etc/hostname stands in the place"),
        (7, "7 stands in the place"),
        ({"bytes": b""}, "it is empty"),
        (b"GIF", "cannot identify"),
    ],
)  # fmt: skip
def test_a_picture_that_is_none_names_its_frame_and_no_path_is_followed(image, told):
    row = good()
    row["images"][2] = image
    message = outcome(row)
    assert message.startswith("story s-7, frame 3: the picture cannot be read") and told in message


def test_raw_bytes_are_pictures_too():
    row = good()
    assert outcome(row | {"images": [image["bytes"] for image in row["images"]]}).problem is None


def test_frame_numbers_of_all_kinds():
    assert 3 in read_descriptions("<gdi image٣>A</gdi>")
    assert read_descriptions("<gdi image999999>A</gdi><gdi>B</gdi>") == {999999: "A", 1000000: "B"}
    row = good() | {"story": good()["story"].replace("image6", "image999999")}
    assert [list(run) for run in outcome(row).runs] == [[1, 2, 3, 4, 5]]


@pytest.mark.parametrize(
    "reference, text",
    [
        ("&#65;", "A"),
        ("&#" + "9" * 5000 + ";", "\ufffd"),
        ("&#" + "0" * 5000 + "65;", "A"),
        ("&#" + "0" * 5000 + ";", "\ufffd"),
        ("&#00000000000000000000066", "B"),
        ("&#x" + "f" * 5000 + ";", "\ufffd"),
        ("&#xD800;", "\ufffd"),
    ],
    ids=lambda text: text[:12],
)
def test_a_reference_of_any_length_is_a_character(reference, text):
    assert read_descriptions(f"<gdi image1>{reference}</gdi>") == {1: text}


def test_a_heading_with_a_number_of_thousands_of_digits():
    assert set(read_marks("", "## Image " + "1" * 5000)) == {111111}


REPEATED = (
    "<", "< ", " ", "\n", "<gdi", "<gdi ", "<gdi image1>", "</gdi>", "< /", "<gdo ", "<gdo char1 ", "<gdo char1>", "</gdo>",
    "<gdl>", "<gdl bg1>", "char1 ", "1", "&", "&#", "&#1", "&amp;", "&lt;gdi", "## Image 1\n", "### ", "### Setting\n", "|",
    "| a | b |\n", "| char1", "#", "a", "é",
)  # fmt: skip
BEFORE = ("<gdi image1>", "<gdi image1> <", "<gdi image1><gdo char1>", "## Image 1\n### Setting\n")
READERS = (
    read_descriptions,
    lambda text: read_marks(text, ""),
    lambda text: read_marks("", text),
    characters_in_tables,
    characters_in_tags,
)


def slowest(size: int) -> float:
    """Seconds of the slowest reading of a text of that many characters, all made of one piece."""
    worst = 0.0
    for before, piece in product(BEFORE, REPEATED):
        text = before + piece * (size // len(piece))
        for read in READERS:
            began = time.perf_counter()
            read(text)
            worst = max(worst, time.perf_counter() - began)
    return worst


def test_the_time_of_reading_grows_with_the_text():
    """Where it grew with the square, 30,000 blanks after a `<` took ten seconds."""
    assert slowest(30_000) < 3


@pytest.mark.slow
def test_the_longest_text_is_read_in_seconds():
    assert slowest(MOST_CHARACTERS) < 15


@pytest.mark.parametrize("column", ["story", "chain_of_thought"])
def test_a_text_of_ten_megabytes_is_refused_at_once(column):
    began = time.perf_counter()
    told = outcome(good() | {column: "<gdi image1>" * 900_000})
    assert "10,800,000 characters, more than 1,000,000" in told and time.perf_counter() - began < 2


def test_thousands_of_frames_are_refused_and_many_are_not():
    row = good(5)
    row["images"] *= 4000
    assert outcome(row).runs == [range(1, 6)]
    numbers = "".join(f"<gdi image{n}>A.</gdi>" for n in range(1, MOST_FRAMES + 2))
    assert f"{MOST_FRAMES + 1:,} frames are more than" in outcome(row | {"story": numbers})
    assert outcome(row | {"story": numbers}, "first").runs == [range(1, 6)]


def test_words_without_end_are_left_out_of_learning_and_unknown():
    draws, texts = random.Random(3), ["the cat sat, the cat ran"] * 9
    endless = "".join(draws.choice("abcdefgh") for _ in range(200_000))
    began = time.perf_counter()
    words = train_wordpiece([*texts, f"the {endless} sat"])
    assert time.perf_counter() - began < 5
    assert words.get_vocab() == train_wordpiece([*texts, "the sat"]).get_vocab()
    assert list(encode(words, [f"cat {endless}"])[0][:4]) == words.convert_tokens_to_ids(
        ["[CLS]", "cat", "[UNK]", "[SEP]"]
    )


@settings(max_examples=30)
@given(st.lists(st.text(st.characters(codec="utf-8"), max_size=60), min_size=1, max_size=5))
def test_any_words_are_learnt_from_and_encoded(texts):
    rows = encode(train_wordpiece(texts), texts)
    assert rows.shape == (len(texts), 120) and rows.min() >= 0


@given(st.one_of(st.text(), st.binary(), st.integers(), st.none(), st.lists(st.text())), st.integers(1, 90))
def test_what_is_shown_is_printable_and_short(value, longest):
    assert shown(value, longest).isprintable() and len(shown(value, longest)) <= 10 * longest + 1


def test_an_integer_too_long_to_write_is_shown_as_one():
    assert (
        shown(10**5000) == "an integer too long to write"
        and shown([10**5000]) == "an integer too long to write"
    )
