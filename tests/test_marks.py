"""Names, places, settings, people and shots, out of tags and tables, well formed or not."""

from ablation.data.marks import Mark, read_marks

STORY = (
    "<gdi image1><gdo char1>Anna</gdo> and <gdo char2, char1>the <gda char2>two</gda> men</gdo> wait in "
    "<gdl bg1>the Old  Kitchen</gdl>; <gdo obj1>a cup</gdo> stands there.</gdi>"
    "<gdi image3>Nobody.</gdi>"
)
TABLES = """## Image 1

### Characters
| Character ID | Name | Bounding Box |
| --- | --- | --- |
| char1 | Anna | 1,2,3,4 |
| char2 | Ben | 1,2,3,4 |

### Setting

| Setting Element | Description | Mood | Narrative Function |
|---|---|---|---|
| Location (bg1) | The Old Kitchen | Hope | shows a relation |

## Image 2
### Characters
no table here
"""


def test_tags_and_tables_of_a_frame():
    found = read_marks(STORY, TABLES)
    assert found[1] == Mark(
        names=["anna", "the two men"],
        places=["the old kitchen"],
        setting="the old kitchen",
        people="2",
        shot="shows a relation",
    )
    assert found[2] == Mark(people="0")
    assert found[3] == Mark()


def test_a_whole_sentence_is_no_name():
    assert read_marks(f"<gdi image1><gdo char1>{'very ' * 9}tall</gdo></gdi>", "")[1] == Mark()


def test_broken_texts_give_no_marks_and_no_errors():
    for story, tables in (
        ("", ""),
        ("<gdi", "## Image"),
        ("<gdo char1>Anna", "## Image 4\n### Setting\n|"),
        ("<gdi image1><gdo char1>Anna</gdi>", "| a | b |"),
    ):
        assert all(mark == Mark() for mark in read_marks(story, tables).values())
