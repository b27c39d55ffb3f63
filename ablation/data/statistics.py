"""What a data set is like, beside what StoryReasoning is like: frames, cuts, brightness, words, people.

Sources of the published figures: they were measured on `daniel3303/StoryReasoning`, the pictures at 60×125 in
[0, 1], the first-five windows on its train split, the sliding windows on its test split (medians fitted on train).
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from tabulate import tabulate

from ablation.data.descriptions import BLOCK_EDGE
from ablation.data.schema import SPLITS
from ablation.data.sources import StorySource, first_rows
from ablation.data.store import WINDOW, SplitIndex, Store, release

CHUNK, CHUNKS_RESIDENT = 64, 64
TEXT_CHUNK = 2000
NEAR_COPY = 0.06
LONG_DESCRIPTION = 120
HOUSE_PHRASE = "the tension"
IMAGE_HEADING = re.compile(r"^##\s*Image\s*\d+.*$", re.MULTILINE | re.IGNORECASE)
CHARACTER_TABLE = re.compile(r"^###\s*Characters\s*$(.*?)(?=^#|\Z)", re.MULTILINE | re.DOTALL | re.IGNORECASE)
CHARACTER_ROW = re.compile(r"^\|\s*(char\d+)\b", re.MULTILINE)
CHARACTER_TAG = re.compile(r"<\s*+gdo\b([^<>]*+)>", re.IGNORECASE)
CHARACTER_ID = re.compile(r"char\d+")


@dataclass(frozen=True)
class Measure:
    label: str
    real: float
    """Published, on StoryReasoning."""
    share: bool = False
    """In [0, 1]; compared in percentage points, everything else as a ratio."""

    def off_by(self, value: float) -> float:
        """In points (0.04 is four of them) for a share, else relative to the real value."""
        return value - self.real if self.share else value / self.real - 1


MEASURES: dict[str, Measure] = {
    "frames_fewest": Measure("frames per story, fewest", 5),
    "frames_median": Measure("frames per story, median", 13),
    "frames_most": Measure("frames per story, most", 22),
    "first_median": Measure("first five, raw: L1 of the constant median image", 0.155),
    "first_copy_last": Measure("first five, raw: L1 of copying frame 4", 0.174),
    "first_mid_grey": Measure("first five, raw: L1 of mid-grey", 0.321),
    "equalised_median": Measure("first five, equalised: L1 of the constant median image", 0.241),
    "sliding_median": Measure("sliding: L1 of the constant median image", 0.151),
    "sliding_copy_last": Measure("sliding: L1 of copying frame 4", 0.170),
    "sliding_best_of_4": Measure("sliding: L1 of the best of the four inputs", 0.130),
    "near_share": Measure("sliding: windows with a near copy among the inputs", 0.15, share=True),
    "near_median": Measure("near copies: L1 of the constant median image", 0.111),
    "near_copy_last": Measure("near copies: L1 of copying frame 4", 0.041),
    "near_best_of_4": Measure("near copies: L1 of the best of the four inputs", 0.040),
    "cut_median": Measure("cuts: L1 of the constant median image", 0.154),
    "cut_copy_last": Measure("cuts: L1 of copying frame 4", 0.178),
    "cut_best_of_4": Measure("cuts: L1 of the best of the four inputs", 0.142),
    "closest_1": Measure("sliding: closest input is frame 1", 0.20, share=True),
    "closest_2": Measure("sliding: closest input is frame 2", 0.20, share=True),
    "closest_3": Measure("sliding: closest input is frame 3", 0.33, share=True),
    "closest_4": Measure("sliding: closest input is frame 4", 0.27, share=True),
    "brightness_spread": Measure("brightness spread between frames", 0.115),
    "tokens_median": Measure("tokens per description, median", 98),
    "tokens_p90": Measure("tokens per description, 90th percentile", 131),
    "tokens_long": Measure(f"descriptions over {LONG_DESCRIPTION} tokens", 0.17, share=True),
    "house_phrase": Measure(f'descriptions with "{HOUSE_PHRASE}"', 0.34, share=True),
    "characters_mean": Measure("characters per frame", 1.6),
    "cast_most": Measure("characters in a story, most", 8),
}


def measure(
    source: StorySource, raw: Store, equalised: Store | None, max_stories: int | None = None
) -> dict[str, float]:
    """Every measure by its name in MEASURES; what a data set does not tell is missing, never 0.

    `raw` is prepared without equalisation and with sliding windows, `equalised` with equalisation and the
    first-five windows. Tokens are counted whole, with [CLS] and [SEP], by the tokenizer of `raw`: for
    StoryReasoning bert-base-uncased, for the embedded world a WordPiece trained on its train split, which
    keeps nearly every word whole, so that the same English text gets a few per cent fewer tokens.
    """
    first = first_windows(raw.index("train"))
    return {
        **story_measures(row for split in SPLITS for row in first_rows(source, split, max_stories)),
        **(first_measures(raw.frames("train"), first) if len(first) else {}),
        **({"equalised_median": _equalised_median(equalised)} if equalised else {}),
        **sliding_measures(raw),
        **text_measures(raw.tokenizer(), [text for s in SPLITS for text in raw.index(s).texts]),
    }


def table(measured: dict[str, float], name: str = "this data set") -> str:
    """The measures as text, beside the published ones; `pts` are percentage points."""
    rows = [
        (m.label, _shown(m, measured.get(key)), _shown(m, m.real), _difference(m, measured.get(key)))
        for key, m in MEASURES.items()
    ]
    return tabulate(rows, headers=("measure", name, "StoryReasoning", "off by"), disable_numparse=True)


def _shown(measure: Measure, value: float | None) -> str:
    if value is None or np.isnan(value):
        return "-"
    if measure.share:
        return f"{100 * value:.1f} %"
    return f"{value:.3f}" if measure.real < 1 else f"{value:.3g}"


def _difference(measure: Measure, value: float | None) -> str:
    if value is None or np.isnan(value):
        return "-"
    return f"{100 * measure.off_by(value):+.1f} {'pts' if measure.share else '%'}"


def first_windows(index: SplitIndex) -> np.ndarray:
    """(S,) row of the first frame of every window that begins with its story's frame 1."""
    return np.asarray(index.starts)[np.asarray(index.numbers) == 1]


def _equalised_median(equalised: Store) -> float:
    frames, targets = equalised.frames("train"), np.asarray(equalised.index("train").starts) + WINDOW - 1
    return float(distances_to(frames, targets, median_frame(frames, targets)).mean())


def first_measures(frames: np.ndarray, starts: np.ndarray) -> dict[str, float]:
    targets = starts + WINDOW - 1
    constant = median_frame(frames, targets)
    grey = np.full_like(constant, 127.5, dtype=np.float32)
    return {
        "first_median": float(distances_to(frames, targets, constant).mean()),
        "first_copy_last": float(window_distances(frames, starts)[:, -1].mean()),
        "first_mid_grey": float(distances_to(frames, targets, grey).mean()),
        "brightness_spread": float(brightness(frames).std()),
    }


def sliding_measures(raw: Store) -> dict[str, float]:
    """On the test split; the median image is the train split's."""
    fitted = np.asarray(raw.index("train").starts) + WINDOW - 1
    constant = median_frame(raw.frames("train"), fitted)
    frames, starts = raw.frames("test"), np.asarray(raw.index("test").starts)
    copies = window_distances(frames, starts)
    return cut_measures(distances_to(frames, starts + WINDOW - 1, constant), copies)


def cut_measures(median: np.ndarray, copies: np.ndarray) -> dict[str, float]:
    """From the L1 of the median image (W,) and of the four inputs (W, 4) against the target."""
    best = copies.min(axis=1)
    near = best < NEAR_COPY
    parts = {"sliding": np.ones_like(near), "near": near, "cut": ~near}
    found = {"near_share": float(near.mean())}
    for part, chosen in parts.items():
        values = {"median": median, "copy_last": copies[:, -1], "best_of_4": best}
        if chosen.any():
            found |= {f"{part}_{name}": float(value[chosen].mean()) for name, value in values.items()}
    closest = np.bincount(copies.argmin(axis=1), minlength=WINDOW - 1) / len(copies)
    return found | {f"closest_{number + 1}": float(share) for number, share in enumerate(closest)}


def text_measures(tokenizer, texts: list[str]) -> dict[str, float]:
    lengths = np.concatenate([_token_counts(tokenizer, part) for part in _parts(texts, TEXT_CHUNK)])
    return {
        "tokens_median": float(np.median(lengths)),
        "tokens_p90": float(np.percentile(lengths, 90)),
        "tokens_long": float((lengths > LONG_DESCRIPTION).mean()),
        "house_phrase": sum(HOUSE_PHRASE in text.lower() for text in texts) / len(texts),
    }


def _token_counts(tokenizer, texts: list[str]) -> np.ndarray:
    encoded = tokenizer(texts, truncation=False, padding=False, verbose=False)
    return np.array([len(ids) for ids in encoded["input_ids"]])


def story_measures(rows: Iterable[dict]) -> dict[str, float]:
    """People come from the tables of `chain_of_thought` where a row has it, else from the tags of `story`."""
    frames, per_frame, casts = [], [], []
    for row in rows:
        frames.append(len(row["images"] or ()))
        shown = characters_in_tables(row.get("chain_of_thought") or "") or characters_in_tags(
            row["story"] or ""
        )
        per_frame += [len(ids) for ids in shown]
        casts.append(len(set().union(*shown)))
    found = {
        "frames_fewest": float(min(frames)),
        "frames_median": float(np.median(frames)),
        "frames_most": float(max(frames)),
    }
    if any(per_frame):
        found |= {"characters_mean": float(np.mean(per_frame)), "cast_most": float(max(casts))}
    return found


def characters_in_tables(chain_of_thought: str) -> list[set[str]]:
    """Per frame, the ids of its table of characters."""
    blocks = IMAGE_HEADING.split(chain_of_thought)[1:]
    return [set(CHARACTER_ROW.findall(" \n".join(CHARACTER_TABLE.findall(block)))) for block in blocks]


def characters_in_tags(story: str) -> list[set[str]]:
    """Per block of the text, the ids of its tagged characters."""
    edges = [edge for edge in BLOCK_EDGE.finditer(story) if not edge[1]]
    ends = [*(edge.start() for edge in edges), len(story)][1:]
    blocks = [story[edge.end() : end] for edge, end in zip(edges, ends, strict=True)]
    return [set(CHARACTER_ID.findall(" ".join(CHARACTER_TAG.findall(block)))) for block in blocks]


def median_frame(frames: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """(3, 60, 125) int16: the lower per-pixel median, by halving the 256 levels, in bounded memory."""
    low = np.zeros(frames.shape[1:], np.int16)
    high = np.full(frames.shape[1:], 255, np.int16)
    while (low < high).any():
        middle = (low + high) // 2
        below = sum((part <= middle).sum(axis=0) for part in _pictures(frames, rows))
        enough = 2 * below >= len(rows)
        low, high = np.where(enough, low, middle + 1), np.where(enough, middle, high)
    return low


def distances_to(frames: np.ndarray, rows: np.ndarray, picture: np.ndarray) -> np.ndarray:
    """(N,) L1 in [0, 1] between the chosen frames and one picture of levels 0 to 255."""
    parts = [np.abs(part - picture).mean(axis=(1, 2, 3)) for part in _pictures(frames, rows)]
    return np.concatenate(parts) / 255


def window_distances(frames: np.ndarray, starts: np.ndarray) -> np.ndarray:
    """(W, 4) L1 in [0, 1] between each of the four inputs and the target."""
    parts = []
    for chosen in _row_parts(frames, starts):
        windows = frames[chosen[:, None] + np.arange(WINDOW)].astype(np.int16)
        parts.append(np.abs(windows[:, :-1] - windows[:, -1:]).mean(axis=(2, 3, 4)))
    return np.concatenate(parts) / 255


def brightness(frames: np.ndarray) -> np.ndarray:
    """(F,) mean level of each frame in [0, 1]."""
    rows = np.arange(len(frames))
    return np.concatenate([part.mean(axis=(1, 2, 3)) for part in _pictures(frames, rows)]) / 255


def _pictures(frames: np.ndarray, rows: np.ndarray) -> Iterator[np.ndarray]:
    """Chunks of (n, 3, 60, 125) int16."""
    for chosen in _row_parts(frames, rows):
        yield frames[chosen].astype(np.int16)


def _row_parts(frames: np.ndarray, rows: np.ndarray) -> Iterator[np.ndarray]:
    """Some rows at a time; what was looked at of a mapped file does not stay resident."""
    for number, chosen in enumerate(_parts(rows, CHUNK), start=1):
        yield chosen
        if number % CHUNKS_RESIDENT == 0:
            release(frames)
    release(frames)


def _parts(values, size: int) -> Iterator:
    for start in range(0, len(values), size):
        yield values[start : start + size]
