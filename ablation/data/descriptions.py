"""Descriptions out of the `story` column: one per `<gdi imageN> … </gdi>` block, without its tags.

Real stories are not well formed. The rules: a block ends at `</gdi>`, at the next `<gdi`, or at the
end of the text; its number is the first digits of its attributes in any form (`image3`,
`image3=""`, `"image 3"`), else one more than the block before; blocks of the same number are
joined; text outside every block belongs to no frame; every other tag goes, its content stays.
"""

import html
import re
from itertools import pairwise

BLOCK_EDGE = re.compile(r"<\s*+(/?)\s*+gdi\b([^<>]*+)>?", re.IGNORECASE)
TAG = re.compile(r"<\s*+/?\s*+[a-zA-Z!][^<>]*+>")
UNCLOSED_TAG = re.compile(r"<\s*+/?\s*+gd[oal]\b[^<>]*+", re.IGNORECASE)
NUMBER = re.compile(r"\d{1,6}")
LONG_REFERENCE = re.compile(r"&#(\d{9,})", re.ASCII)
"""A character by a number that Python may refuse to read; eight digits name none already."""


def read_descriptions(story: str) -> dict[int, str]:
    """Frame number (from 1) to description. Blocks without any text are left out."""
    blocks = {number: map(plain_text, parts) for number, parts in read_blocks(story).items()}
    joined = {number: " ".join(filter(None, texts)) for number, texts in blocks.items()}
    return {number: text for number, text in joined.items() if text}


def read_blocks(story: str) -> dict[int, list[str]]:
    """Frame number (from 1) to its blocks, tags and all."""
    blocks: dict[int, list[str]] = {}
    number = 0
    for edge, following in pairwise([*BLOCK_EDGE.finditer(story), None]):
        if edge[1]:
            continue
        found = NUMBER.search(edge[2])
        number = int(found[0]) if found else number + 1
        end = following.start() if following else len(story)
        blocks.setdefault(number, []).append(story[edge.end() : end])
    return blocks


def plain_text(marked: str) -> str:
    """The text without tags and entities, its white space folded."""
    untagged = UNCLOSED_TAG.sub("", TAG.sub("", marked))
    short = LONG_REFERENCE.sub(lambda found: f"&#{found[1].lstrip('0')[:8] or 0}", untagged)
    return " ".join(html.unescape(short).split())
