"""What a model has understood, asked without a loss: does its vector tell where and who, do its descriptions name
them, can its picture and its words be found again among all others?
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

WORDS_AND_MARKS = re.compile(r"\w+|[^\w\s]")
WORDS, SIGNS = r"(?u)\b\w\w+\b|[^\W\x00-\u02ff]", r"\S"
"""What descriptions are found again by: words of two letters or more, and single letters of other scripts, some of which
write a word in one; where no description has any, every sign.
"""
FEWEST_EXAMPLES = 8
"""Of a label that a probe is asked for."""
NEAREST = 10
PROBED = ("setting", "people", "shot")


@dataclass(frozen=True)
class Told:
    """Of some test windows: what was said, what was to be said, and what frame 4 says."""

    written: list[str]
    target: list[str]
    last: list[str]


def probes(
    train_codes: np.ndarray, train_marks: list[dict], codes: np.ndarray, marks: list[dict]
) -> dict[str, float]:
    """Accuracy on the test windows of a linear reading of z (N, F), fitted on training windows, for each label of
    frame 4 that is known; beside it, as `floor/…`, that of always saying the commonest.
    """
    found = {}
    for name in PROBED:
        known = _frequent([mark.get(name) for mark in train_marks])
        seen = [place for place, mark in enumerate(train_marks) if mark.get(name) in known]
        asked = [place for place, mark in enumerate(marks) if mark.get(name) in known]
        if len(known) < 2 or not asked:
            continue
        labels = np.array([train_marks[place][name] for place in seen])
        answers = np.array([marks[place][name] for place in asked])
        read = _linear(train_codes[seen], labels).predict(codes[asked])
        commonest = max(sorted(known), key=lambda label: (labels == label).sum())
        found[f"health/test_probe_{name}"] = float((read == answers).mean())
        found[f"floor/test_probe_{name}"] = float((answers == commonest).mean())
    return found


def _linear(codes: np.ndarray, labels: np.ndarray):
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    return make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=300)).fit(codes, labels)


def _frequent(labels: Sequence[str | None]) -> set[str]:
    names, counts = np.unique([label for label in labels if label], return_counts=True)
    return {str(name) for name, count in zip(names, counts, strict=True) if count >= FEWEST_EXAMPLES}


def naming(told: Told, marks: Sequence[dict]) -> dict[str, float]:
    """How well the characters and the places named agree with the true description's, F1 over the windows that name
    any; as `floor/…`, how well those of frame 4 do. The names and places are those that `marks` know.
    """
    found = {}
    for name in ("names", "places"):
        known = _any_of({_spaced(text) for mark in marks for text in mark.get(name, [])})
        asked = [place for place, text in enumerate(told.target) if known.search(_spaced(text))]
        if not asked:
            continue
        for prefix, texts in (("health/test", told.written), ("floor/test", told.last)):
            scores = [_agreement(known, texts[place], told.target[place]) for place in asked]
            found[f"{prefix}_{name}_right"] = float(np.mean(scores))
    return found


def _any_of(words: set[str]) -> re.Pattern:
    """Any of them as whole words, the longer ones first; nothing where there are none. A name may end in a mark."""
    ordered = sorted(words, key=lambda word: (-len(word), word))
    return re.compile(r"(?<!\w)(?:" + "|".join(map(re.escape, ordered)) + r")(?!\w)" if ordered else r"(?!)")


def plain(text: str) -> str:
    """As BERT reads it, so that what a model wrote and the data's own words compare: lower case, without accents,
    Chinese characters apart.
    """
    return _normaliser().normalize_str(text)


@cache
def _normaliser():
    from tokenizers.normalizers import BertNormalizer

    return BertNormalizer(lowercase=True, strip_accents=True)


def _spaced(text: str) -> str:
    """Plain, each mark between spaces: "all-night" as a tokenizer gives it back, "all - night"."""
    return " ".join(WORDS_AND_MARKS.findall(plain(text)))


def _agreement(known: re.Pattern, said: str, true: str) -> float:
    """F1 of two sets of mentions, in [0, 1]."""
    ours, theirs = set(known.findall(_spaced(said))), set(known.findall(_spaced(true)))
    return 2 * len(ours & theirs) / (len(ours) + len(theirs)) if ours or theirs else 1.0


def image_retrieval(predicted: np.ndarray, places: np.ndarray, targets: np.ndarray) -> dict[str, float]:
    """How often the true frame is among the ten nearest (L1) of all N test targets, small pictures (N, D), for the
    windows `places`, of which `predicted` (n, D) was painted. `floor/test_retrieval` is what guessing gives, and what
    one picture for everything gives.
    """
    pairs = zip(predicted, places, strict=True)
    ranks = [_rank(np.abs(targets - row).mean(axis=1), place) for row, place in pairs]
    return {
        "health/test_image_retrieval": float((np.array(ranks) < NEAREST).mean()),
        "floor/test_retrieval": min(1.0, NEAREST / len(targets)),
    }


def text_retrieval(written: list[str], places: np.ndarray, targets: list[str]) -> dict[str, float]:
    """The same for descriptions: window `places[i]` was told as `written[i]`; nearest by TF-IDF cosine. Nothing where no
    target has a sign.
    """
    from sklearn.feature_extraction.text import TfidfVectorizer

    known = [plain(target) for target in targets]
    pattern = next((p for p in (WORDS, SIGNS) if any(re.search(p, target) for target in known)), None)
    if pattern is None:
        return {}
    vectors = TfidfVectorizer(sublinear_tf=True, lowercase=False, token_pattern=pattern).fit(known)
    said = vectors.transform([plain(text) for text in written])
    away = -(said @ vectors.transform(known).T).toarray()  # (n, N)
    ranks = [_rank(row, place) for row, place in zip(away, places, strict=True)]
    return {"health/test_text_retrieval": float((np.array(ranks) < NEAREST).mean())}


def _rank(distances: np.ndarray, true: int) -> float:
    """How many others are nearer; of those equally near, half."""
    own = distances[true]
    return float((distances < own).sum() + ((distances == own).sum() - 1) / 2)
