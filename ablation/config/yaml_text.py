"""YAML read with care: nothing in it runs, no key is lost, and no small text grows into a large one."""

from collections import Counter
from typing import Any

import yaml

from ablation.errors import shown

LONGEST_TEXT = 100_000
"""Characters, at worst a second's reading; the studies of the package have three thousand."""
MOST_VALUES, DEEPEST, LONGEST_NUMBER = 20_000, 20, 40
"""Values with every alias written out; levels of mappings and lists; characters of a number."""
TAG = "tag:yaml.org,2002:"
NUMBERS = {TAG + "int", TAG + "float"}
READ_AS_OTHERS = {TAG + "bool", TAG + "null"}
PLAIN = {TAG + kind for kind in ("map", "seq", "str", "bool", "null", "merge")} | NUMBERS


def read_yaml(text: str) -> Any:
    """Mappings, lists, texts, numbers, true, false and null. Raises ValueError that names the line."""
    if len(text) > LONGEST_TEXT:
        raise ValueError(f"it has {len(text):,} characters, more than {LONGEST_TEXT:,}: shorten it")
    try:
        loader = yaml.SafeLoader(text)
        root = loader.get_single_node()
        if root is None:
            return None
        _Check().values_of(root, 1)
        return loader.construct_document(root)
    except yaml.YAMLError as error:
        raise ValueError(shown(" ".join(str(error).split()), 400)) from error
    except RecursionError:
        raise ValueError(f"it is nested more than {DEEPEST} deep: write it flatter") from None


class _Check:
    """Walks through what was read before anything is made of it; an alias is the very node that it names."""

    def __init__(self):
        self.counted: dict[int, int] = {}

    def values_of(self, node: yaml.Node, depth: int) -> int:
        """How many values it is with all within."""
        if id(node) not in self.counted:
            self.counted[id(node)] = MOST_VALUES  # of one that contains itself: without end
            self._refuse(node, depth)
            inner = 1 + sum(self.values_of(child, depth + 1) for child in _children(node))
            self.counted[id(node)] = inner
        count = self.counted[id(node)]
        if count >= MOST_VALUES:
            raise ValueError(
                f"{_line(node)}: with all aliases it is {MOST_VALUES:,} values or more: use fewer"
            )
        return count

    def _refuse(self, node: yaml.Node, depth: int) -> None:
        if depth > DEEPEST:
            raise ValueError(f"{_line(node)}: it is nested more than {DEEPEST} deep: write it flatter")
        if node.tag not in PLAIN:
            raise ValueError(
                f"{_line(node)}: what is tagged {shown(node.tag.removeprefix(TAG))} is not taken, nor run: put text in quotes"
            )
        if node.tag in NUMBERS and len(node.value) > LONGEST_NUMBER:
            raise ValueError(
                f"{_line(node)}: a number of {len(node.value):,} characters: at most {LONGEST_NUMBER}"
            )
        if isinstance(node, yaml.MappingNode):
            keys = Counter(key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode))
            for key in (key for key, _ in node.value if key.tag in READ_AS_OTHERS):
                raise ValueError(
                    f"{_line(key)}: YAML takes the name {shown(key.value)} for no text: put it in quotes"
                )
            for key in (key for key, count in keys.items() if count > 1):
                raise ValueError(f"{_line(node)}: {shown(key)} stands there twice: remove one")


def _children(node: yaml.Node) -> list[yaml.Node]:
    if isinstance(node, yaml.MappingNode):
        return [part for pair in node.value for part in pair]
    return node.value if isinstance(node, yaml.SequenceNode) else []


def _line(node: yaml.Node) -> str:
    return f"line {node.start_mark.line + 1}"
