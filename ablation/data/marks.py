"""What a story says beside its words: who is named and where it is, by the tags of a description; the setting, the
people in view and the shot, by the tables of `chain_of_thought`. Nothing is learned from these: they are what a model's
vector and its descriptions are asked about.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise

from ablation.data.descriptions import plain_text, read_blocks

IMAGE_BLOCK = re.compile(r"^##\s*Image\s*(\d{1,6})[^\n]*$", re.MULTILINE | re.IGNORECASE)
NAMED = re.compile(r"<\s*+gdo\b(?=[^<>]*\bchar\d)[^<>]*+>", re.IGNORECASE)
NAMED_END = re.compile(r"<\s*+/\s*+gdo\s*+>", re.IGNORECASE)
PLACED = re.compile(r"<\s*+gdl\b[^<>]*+>", re.IGNORECASE)
PLACED_END = re.compile(r"<\s*+/\s*+gdl\s*+>", re.IGNORECASE)
SECTION = re.compile(r"^###\s*(\w+)[^\n]*$(.*?)(?=^###|\Z)", re.MULTILINE | re.DOTALL)
CELLS = re.compile(r"(?<!\\)\|")
RULE = re.compile(r"^[\s|:-]+$")
LONGEST = 40
"""Characters of a name or a place; what is longer is a phrase, not a name."""


@dataclass(frozen=True)
class Mark:
    """Of one frame; lower case. `people`, `setting` and `shot` are None where there is no table."""

    names: list[str] = field(default_factory=list)
    places: list[str] = field(default_factory=list)
    setting: str | None = None
    people: str | None = None
    shot: str | None = None


def read_marks(story: str, chain_of_thought: str) -> dict[int, Mark]:
    """Frame number (from 1) to its marks."""
    blocks, tables = read_blocks(story), _tables(chain_of_thought)
    return {
        number: Mark(
            names=_spans(NAMED, NAMED_END, " ".join(blocks.get(number, []))),
            places=_spans(PLACED, PLACED_END, " ".join(blocks.get(number, []))),
            **tables.get(number, {}),
        )
        for number in sorted(blocks.keys() | tables.keys())
    }


def _spans(opening: re.Pattern, closing: re.Pattern, marked: str) -> list[str]:
    texts = {plain_text(span).lower() for span in _between(opening, closing, marked)}
    return sorted(text for text in texts if 0 < len(text) <= LONGEST)


def _between(opening: re.Pattern, closing: re.Pattern, marked: str) -> Iterator[str]:
    """What stands between a tag and its end, in a time that grows with the text: one `.*?` from tag to end
    would read the rest of the text again for every tag that never ends.
    """
    place = 0
    while (opened := opening.search(marked, place)) and (closed := closing.search(marked, opened.end())):
        yield marked[opened.end() : closed.start()]
        place = closed.end()


def _tables(chain_of_thought: str) -> dict[int, dict[str, str | None]]:
    edges = [*IMAGE_BLOCK.finditer(chain_of_thought), None]
    found = {}
    for edge, following in pairwise(edges):
        block = chain_of_thought[edge.end() : following.start() if following else None]
        sections = {name.lower(): _rows(table) for name, table in SECTION.findall(block)}
        setting = next(iter(sections.get("setting", [])), [])
        people = sections.get("characters")
        found[int(edge[1])] = {
            "setting": setting[1].lower() if len(setting) > 1 else None,
            "shot": setting[-1].lower() if len(setting) > 1 else None,
            "people": None if people is None else str(len(people)),
        }
    return found


def _rows(table: str) -> list[list[str]]:
    """The cells of a markdown table, its head and rule left out."""
    lines = [line for line in table.strip().splitlines() if line.strip().startswith("|")]
    kept = [line for line in lines if not RULE.match(line)]
    return [[cell.strip() for cell in CELLS.split(line.strip().strip("|"))] for line in kept[1:]]
