"""Descriptions out of stories as they are found, well formed or not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ablation.data.descriptions import read_descriptions

CASES = {
    "plain": ("<gdi image1> A. </gdi><gdi image2> B. </gdi>", {1: "A.", 2: "B."}),
    "attribute with an empty value": ('<gdi image1="">A</gdi>', {1: "A"}),
    "attribute as a value": ('<gdi id="image 2">A</gdi>', {2: "A"}),
    "underscore": ("<gdi image_4>A</gdi>", {4: "A"}),
    "capitals": ("<GDI Image1>A</GDI>", {1: "A"}),
    "no number": ("<gdi>A</gdi><gdi>B</gdi>", {1: "A", 2: "B"}),
    "several ids in a tag": ("<gdi image1><gdo char1 char2>They</gdo> wait</gdi>", {1: "They wait"}),
    "nested": ("<gdi image1><gda char1><gdo char1>Ann</gdo> runs</gda>.</gdi>", {1: "Ann runs."}),
    "unclosed tag inside": (
        "<gdi image1><gdo char1>Ann runs.</gdi><gdi image2>B</gdi>",
        {1: "Ann runs.", 2: "B"},
    ),
    "broken tag inside": ("<gdi image1>Ann <gdo char1</gdi><gdi image2>B</gdi>", {1: "Ann", 2: "B"}),
    "unclosed block": ("<gdi image1>A<gdi image2>B", {1: "A", 2: "B"}),
    "out of order": ("<gdi image3>C</gdi><gdi image1>A</gdi>", {1: "A", 3: "C"}),
    "missing block": ("<gdi image1>A</gdi><gdi image3>C</gdi>", {1: "A", 3: "C"}),
    "same number twice": ("<gdi image1>A</gdi><gdi image1>B</gdi>", {1: "A B"}),
    "empty block": ("<gdi image1>  </gdi><gdi image2>B</gdi>", {2: "B"}),
    "entities": ("<gdi image1>Tom &amp; Ann &lt;3 &quot;x&quot;</gdi>", {1: 'Tom & Ann <3 "x"'}),
    "text outside": ("before <gdi image1>A</gdi> between <gdi image2>B</gdi> after", {1: "A", 2: "B"}),
    "a comparison is no tag": ("<gdi image1>3 < 4 and 5 > 2</gdi>", {1: "3 < 4 and 5 > 2"}),
    "white space": ("<gdi image1>\n A\t\n b </gdi>", {1: "A b"}),
    "nothing": ("", {}),
    "no block": ("Just a story.", {}),
}


@pytest.mark.parametrize("story, expected", CASES.values(), ids=CASES.keys())
def test_case(story, expected):
    assert read_descriptions(story) == expected


PIECES = st.sampled_from(
    [
        "<gdi image1>",
        "</gdi>",
        "<gdi",
        ">",
        "<gdo char1>",
        "</gdo>",
        "&amp;",
        "&#xFFFFFFFF;",
        "text",
        "<",
        "9" * 30,
        "\n",
    ]
)


@given(st.lists(PIECES | st.text(max_size=8), max_size=30).map("".join))
def test_any_text_gives_frames_with_words(story):
    for number, text in read_descriptions(story).items():
        assert number >= 0 and text.strip() == text != ""
        assert "<gdo char1>" not in text


def test_a_megabyte_of_open_tags_takes_no_time():
    assert read_descriptions("<gdo " * 200_000) == {}
    assert len(read_descriptions("<gdi image1>" + "<gdo char1 " * 100_000)) == 0
