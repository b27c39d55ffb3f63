"""The measures of a data set: each against its definition, and the embedded world against the real numbers."""

import numpy as np
import pytest

from ablation.config.config import Config
from ablation.data import statistics
from ablation.data.sources import StorySource, open_source
from ablation.data.statistics import MEASURES, measure, table
from ablation.data.store import FRAME_SHAPE, prepare
from ablation.world.writer import write_world

STORIES = {"train": 100, "test": 50}
ALLOWED = 0.15
ALLOWED_POINTS = 0.04
CALIBRATED = (
    "frames_fewest", "frames_median", "frames_most", "first_median", "first_copy_last", "equalised_median",
    "sliding_best_of_4", "near_share", "near_copy_last", "closest_1", "closest_2", "closest_3", "closest_4",
    "brightness_spread", "tokens_median", "tokens_p90", "tokens_long", "house_phrase", "characters_mean", "cast_most",
)  # fmt: skip


def noise(count, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (count, *FRAME_SHAPE), dtype=np.uint8)


def flat(*levels):
    return np.stack([np.full(FRAME_SHAPE, level, np.uint8) for level in levels])


def measures_of(folder, name):
    """What `prepare` and `measure` say of a data set, both stores made from its files."""
    source = open_source(str(folder), 0)
    raw = prepare(Config(dataset=str(folder), equalize=False, windows="sliding"), source)
    equalised = prepare(Config(dataset=str(folder), equalize=True, windows="first"), source)
    return measure(StorySource(name, source.digest, source.location, source.rows), raw, equalised)


def test_what_no_story_tells_is_missing(world, monkeypatch):
    """Where none begins with frame 1, nothing is told of first windows."""
    source = open_source(str(world), 0)
    raw = prepare(Config(dataset=str(world), equalize=False, windows="sliding"), source)
    index = raw.index("train")
    assert len(statistics.first_windows(index)) == len(index.story_ids)
    index.numbers = [number + 1 for number in index.numbers]
    assert len(statistics.first_windows(index)) == 0
    monkeypatch.setattr(statistics, "first_windows", lambda index: np.array([], int))
    found = measure(source, raw, None)
    assert not {"equalised_median", "first_median"} & found.keys() and "sliding_median" in found


@pytest.fixture(scope="session")
def measured(tmp_path_factory):
    folder = tmp_path_factory.mktemp("statistics") / "stories"
    write_world(folder, **STORIES)
    return measures_of(folder, "part of the world")


def outside(measured, keys=CALIBRATED):
    """Measures beyond 15 %, or 4 percentage points for shares, in words."""
    limits = {key: ALLOWED_POINTS if MEASURES[key].share else ALLOWED for key in keys}
    off = {key: MEASURES[key].off_by(measured[key]) for key in keys}
    return {
        key: f"{measured[key]:.3f}, off by {off[key]:+.3f}" for key in keys if abs(off[key]) > limits[key]
    }


def test_the_world_is_like_story_reasoning(measured):
    assert not outside(measured)


@pytest.mark.slow
def test_the_whole_default_world_is_like_story_reasoning(tmp_path):
    write_world(tmp_path / "world")
    assert not outside(measures_of(tmp_path / "world", "the world"))


def test_every_measure_is_reported(measured):
    assert set(measured) == set(MEASURES)
    assert all(np.isfinite(value) for value in measured.values())
    closest = sum(measured[f"closest_{number}"] for number in range(1, 5))
    assert closest == pytest.approx(1)
    assert measured["near_best_of_4"] <= measured["near_copy_last"]
    assert measured["sliding_best_of_4"] < measured["sliding_copy_last"]


def test_a_difference_is_a_ratio_or_points():
    assert MEASURES["first_median"].off_by(0.31) == pytest.approx(1.0)
    assert MEASURES["near_share"].off_by(0.19) == pytest.approx(0.04)


def test_the_table_shows_what_is_known_and_leaves_the_rest_open():
    text = table({"near_share": 0.19, "first_median": 0.31, "tokens_median": float("nan")}, "mine")
    lines = {line[:40].strip(): line for line in text.splitlines()}
    near = next(line for line in lines.values() if line.startswith("sliding: windows with a near copy"))
    assert "19.0 %" in near and "15.0 %" in near and "+4.0 pts" in near
    first = next(line for line in lines.values() if "raw: L1 of the constant" in line)
    assert "0.310" in first and "0.155" in first and "+100.0 %" in first
    tokens = next(line for line in lines.values() if line.startswith("tokens per description, median"))
    assert tokens.split()[-1] == "-" and "98" in tokens
    assert "mine" in text.splitlines()[0]


@pytest.mark.parametrize("count", [1, 2, 7, 70])
def test_median_frame_is_the_lower_median(count):
    frames = noise(count)
    rows = np.arange(count)[::-1]
    expected = np.sort(frames, axis=0)[(count - 1) // 2]
    assert np.array_equal(statistics.median_frame(frames, rows), expected)


def test_window_distances_are_those_of_the_four_inputs_to_the_fifth_frame():
    frames = flat(0, 51, 102, 204, 255, 0)
    found = statistics.window_distances(frames, np.array([0, 1]))
    assert found == pytest.approx(np.array([[1.0, 0.8, 0.6, 0.2], [0.2, 0.4, 0.8, 1.0]]))


def test_windows_are_split_into_near_copies_and_cuts():
    copies = np.array(
        [[0.5, 0.4, 0.3, 0.05], [0.2, 0.3, 0.4, 0.5], [0.3, 0.1, 0.3, 0.3], [0.02, 0.2, 0.2, 0.2]]
    )
    found = statistics.cut_measures(np.array([0.1, 0.2, 0.3, 0.4]), copies)
    assert found["near_share"] == 0.5
    assert found["near_copy_last"] == pytest.approx((0.05 + 0.2) / 2)
    assert found["near_best_of_4"] == pytest.approx((0.05 + 0.02) / 2)
    assert found["cut_median"] == pytest.approx((0.2 + 0.3) / 2)
    assert found["sliding_best_of_4"] == pytest.approx((0.05 + 0.2 + 0.1 + 0.02) / 4)
    assert [found[f"closest_{number}"] for number in range(1, 5)] == [0.5, 0.25, 0, 0.25]


def test_without_a_near_copy_nothing_is_said_about_them():
    found = statistics.cut_measures(np.array([0.1]), np.array([[0.5, 0.4, 0.3, 0.2]]))
    assert found["near_share"] == 0 and "near_copy_last" not in found
    assert statistics.table(found)


def test_first_five_windows_are_measured_raw():
    frames = flat(0, 0, 0, 51, 102, 255, 255, 255, 204, 204)
    found = statistics.first_measures(frames, np.array([0, 5]))
    assert found["first_copy_last"] == pytest.approx((0.2 + 0.0) / 2)
    assert found["first_median"] == pytest.approx((0.0 + 0.4) / 2)
    assert found["first_mid_grey"] == pytest.approx((25.5 + 76.5) / 2 / 255)
    assert found["brightness_spread"] == pytest.approx(
        np.std([0, 0, 0, 51, 102, 255, 255, 255, 204, 204]) / 255
    )


def test_frames_are_read_in_chunks():
    frames = noise(3 * statistics.CHUNK + 5)
    assert statistics.brightness(frames) == pytest.approx(frames.mean(axis=(1, 2, 3)) / 255)
    picture = np.zeros(FRAME_SHAPE, np.int16)
    found = statistics.distances_to(frames, np.array([190, 3, 3]), picture)
    assert found == pytest.approx(frames[[190, 3, 3]].mean(axis=(1, 2, 3)) / 255)


TABLES = """## Image 1

### Characters
| Character ID | Name |
|---|---|
| char1 | Anna |
| char2 | Ben |

### Objects
| Object ID | Description |
|---|---|
| char9 | not a person |

## Image 2
### Characters
| Character ID | Name |
|---|---|

### Setting
| Setting Element | Description |
"""
TAGS = (
    "<gdi image1> <gdo char1>Anna</gdo> and <gdo char1 char3>both</gdo>, <gdo obj1>a key</gdo> </gdi>"
    '<gdi image2=""> nobody <gda char2>enters</gda> </gdi>'
)


def test_people_are_counted_in_the_tables_or_else_in_the_tags():
    assert statistics.characters_in_tables(TABLES) == [{"char1", "char2"}, set()]
    assert statistics.characters_in_tags(TAGS) == [{"char1", "char3"}, set()]
    rows = [
        {"images": [b""] * 7, "story": TAGS, "chain_of_thought": TABLES},
        {"images": [b""] * 5, "story": TAGS},
        {"images": None, "story": None, "chain_of_thought": None},
    ]
    found = statistics.story_measures(rows)
    assert (found["frames_fewest"], found["frames_median"], found["frames_most"]) == (0, 5, 7)
    assert found["characters_mean"] == pytest.approx((2 + 0 + 2 + 0) / 4) and found["cast_most"] == 2


def test_a_data_set_without_people_has_no_number_of_them():
    assert "characters_mean" not in statistics.story_measures(
        [{"images": [b""] * 5, "story": "<gdi image1>x</gdi>"}]
    )


class SpacesTokenizer:
    """One token per word, and the two special ones."""

    def __call__(self, texts, truncation, padding, verbose):
        assert not truncation and not padding
        return {"input_ids": [["[CLS]", *text.split(), "[SEP]"] for text in texts]}


def test_tokens_are_counted_whole():
    texts = ["word " * 118, "word " * 119, "The TENSION grows", "tension alone"]
    found = statistics.text_measures(SpacesTokenizer(), texts)
    assert found["tokens_long"] == 0.25 and found["house_phrase"] == 0.25
    assert found["tokens_median"] == pytest.approx((120 + 5) / 2)
