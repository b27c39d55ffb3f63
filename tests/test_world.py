"""The embedded world: reproducible, in the schema, and true: boxes, names and words agree with the pictures."""

import hashlib
import io
import os
import re
import subprocess
import sys
from collections import Counter
from itertools import pairwise
from pathlib import Path

import datasets
import numpy as np
import pytest
from PIL import Image

from ablation.data.descriptions import read_descriptions
from ablation.world import writer
from ablation.world.backdrops import whole_plate
from ablation.world.canvas import FRAME
from ablation.world.choice import Replay, Sampler, choices_of
from ablation.world.grammar import describe, plain
from ablation.world.paint import PROP, paint
from ablation.world.parameters import DIALS
from ablation.world.process import next_state
from ablation.world.story import make_story, plan_story
from ablation.world.writer import write_world

ROOT = Path(__file__).parents[1]
DIGEST = (
    "import hashlib; from ablation.world.story import make_story; "
    "print(hashlib.sha256(repr(make_story(0, 'test', 2)).encode()).hexdigest())"
)
COLUMNS = ["story_id", "images", "frame_count", "chain_of_thought", "story"]
TAGGED = re.compile(r"<gdo char(\d+)>([^<]*)</gdo>")
CHANGED = 12
"""Levels of a channel from which on a pixel counts as changed: contact shadows fade out below it."""


@pytest.fixture(scope="module")
def stories():
    """The states of 24 stories, nothing painted."""
    return [plan_story(0, "train", index) for index in range(24)]


@pytest.fixture(scope="module")
def states(stories):
    return [state for story in stories for state in story]


def setup(state):
    return state.take.kind, state.take.subjects, state.take.angle


def test_the_same_seed_gives_the_same_bytes_in_another_process():
    here = hashlib.sha256(repr(make_story(0, "test", 2)).encode()).hexdigest()
    for hash_seed in ("1", "2"):
        environment = os.environ | {"PYTHONHASHSEED": hash_seed}
        found = subprocess.run(
            [sys.executable, "-c", DIGEST], capture_output=True, text=True, env=environment, cwd=ROOT
        )
        assert found.stdout.strip() == here, found.stderr


def test_another_seed_split_or_number_gives_another_story():
    texts = {
        tuple(state.text for state in plan_story(seed, split, index))
        for seed in (0, 1)
        for split in ("train", "test", "validation")
        for index in (0, 1)
    }
    assert len(texts) == 12


def test_rows_have_the_schema():
    row = make_story(0, "train", 5)
    assert list(row) == COLUMNS
    assert row["story_id"] == "train-00005"
    assert DIALS.frames_fewest <= row["frame_count"] == len(row["images"]) <= DIALS.frames_most
    for encoded in row["images"]:
        with Image.open(io.BytesIO(encoded)) as image:
            assert (image.format, image.size, image.mode) == ("JPEG", FRAME, "RGB")
    descriptions = read_descriptions(row["story"])
    assert list(descriptions) == list(range(1, row["frame_count"] + 1))
    for number in descriptions:
        assert f"## Image {number}\n\n### Characters\n" in row["chain_of_thought"]
    assert row["chain_of_thought"].count("### Setting") == row["frame_count"]


def test_descriptions_are_sentences_without_leftovers(states):
    for state in states:
        text = plain(describe(state))
        assert not re.search(r"[\[\]{}<>|]|  |\.\.| ,", text), text
        assert all(
            sentence[0].isupper() or sentence[0] in '"“' for sentence in re.split(r"(?<=\.) ", text)
        ), text


def test_people_named_by_a_tag_are_in_the_cast_and_in_the_picture(states):
    tags = 0
    for state in states:
        for number, name in TAGGED.findall(describe(state)):
            subject, tags = int(number) - 1, tags + 1
            assert state.premise.cast[subject].name == name
            assert subject in state.take.subjects
    assert tags > len(states)


def test_untagged_names_are_of_the_cast_but_not_in_the_picture(states):
    absent = 0
    for state in states:
        rest = TAGGED.sub("", describe(state))
        for subject, person in enumerate(state.premise.cast):
            if re.search(rf"\b{person.name}\b", rest):
                absent += 1
                assert subject not in state.take.subjects
    assert absent


def test_places_in_the_text_are_the_place_of_the_picture(states):
    for state in states:
        for number, name in re.findall(r"<gdl bg(\d+)>([^<]*)</gdl>", describe(state)):
            assert int(number) == state.scene.venue + 1
            assert name.lower() == state.venue.name.lower()


def one_of_each_kind(stories):
    """A state of every kind of shot, for two kinds of gesture in the wider ones."""
    found = {}
    for story in stories:
        for state in story:
            pose = state.take.poses[-1].gesture if state.take.poses else ""
            found.setdefault((state.take.kind, pose in ("point", "open")), state)
    return list(found.values())


def changed(first, second):
    difference = np.abs(np.asarray(first, np.int16) - np.asarray(second, np.int16))
    return difference.max(axis=2) > CHANGED


def test_boxes_hold_what_a_person_covers(stories):
    """Painted with and without: the pixels that differ lie in the box, and reach its edges."""
    checked = 0
    for state in one_of_each_kind(stories):
        whole = paint(state, grain=False)
        for subject in state.take.subjects:
            left, top, right, bottom = whole.boxes[subject]
            covered = changed(whole.image, paint(state, without={subject}, grain=False).image)
            if not covered.any():
                continue
            rows, columns = np.flatnonzero(covered.any(axis=1)), np.flatnonzero(covered.any(axis=0))
            slack = 6
            assert left - slack <= columns[0] and columns[-1] < right + slack
            assert top - slack <= rows[0] and rows[-1] < bottom + slack
            seen = (columns[-1] - columns[0] + 1) * (rows[-1] - rows[0] + 1)
            assert seen > 0.5 * (right - left) * (bottom - top)
            checked += 1
    assert checked >= 10


def test_boxes_lie_in_the_frame_and_stand_in_the_tables(stories):
    for state in one_of_each_kind(stories):
        for left, top, right, bottom in paint(state, grain=False).boxes.values():
            assert 0 <= left < right <= FRAME[0] and 0 <= top < bottom <= FRAME[1]
    row = make_story(0, "train", 7)
    story = plan_story(0, "train", 7)
    blocks = row["chain_of_thought"].split("## Image ")[1:]
    for state, block in zip(story, blocks, strict=True):
        boxes = paint(state).boxes
        for subject in state.take.subjects:
            box = ",".join(str(value) for value in boxes[subject])
            name = state.premise.cast[subject].name
            assert re.search(rf"^\| char{subject + 1} \| {name} \| .* \| {box} \|$", block, re.MULTILINE)


def test_the_thing_of_a_detail_shot_is_where_its_box_says(stories):
    state = next(state for story in stories for state in story if state.take.kind == "insert")
    whole, without = paint(state, grain=False), paint(state, without={PROP}, grain=False)
    rows, columns = np.nonzero(changed(whole.image, without.image))
    left, top, right, bottom = whole.boxes[PROP]
    assert left <= columns.min() and columns.max() < right and top <= rows.min() and rows.max() < bottom


def test_a_picture_is_a_function_of_its_state(stories):
    state = stories[0][2]
    first = paint(state).image.tobytes()
    whole_plate.cache_clear()
    assert paint(state).image.tobytes() == first
    assert paint(plan_story(0, "train", 0)[2]).image.tobytes() == first


def test_all_chance_of_a_transition_goes_through_the_chooser(stories):
    for story in stories[:6]:
        sampler = Sampler(np.random.default_rng(3))
        following = next_state(story[3], sampler)
        replay = Replay(choices_of(sampler.trace))
        assert next_state(story[3], replay) == following
        assert not replay.pending


def test_shots_go_on_return_and_give_way(stories):
    """Held shots, the A-B-A of dialogue, cuts and changes of scene all occur, and often."""
    seen = Counter()
    for story in stories:
        for before, between, after in zip(story, story[1:], story[2:], strict=False):
            if after.scene.age == 1:
                seen["scene"] += 1
            elif setup(after) == setup(between):
                seen["held"] += 1
            elif between.scene.age > 1 and setup(after) == setup(before):
                seen["back"] += 1
            else:
                seen["cut"] += 1
    assert min(seen["scene"], seen["held"], seen["back"], seen["cut"]) > 15, seen


def test_what_stays_in_a_scene(stories):
    """Frame to frame a scene keeps its place, its light and its people; the story keeps its cast and mood."""
    for story in stories:
        for before, after in pairwise(story):
            assert after.premise is before.premise and after.frame == before.frame + 1
            assert after.stage >= before.stage
            if after.scene.age > 1:
                assert (after.venue, after.scene.present) == (before.venue, before.scene.present)


def test_no_one_picture_serves_the_words_and_no_words_the_picture(stories):
    """Sounds, thoughts and the past are nowhere to be seen; clothes and hair are nowhere to be read."""
    text = " ".join(plain(describe(state)) for story in stories for state in story).lower()
    assert "somewhere " in text and "thinks that" in text
    assert not re.search(r"\b(jacket|sweater|ponytail|moustache|bald)\b", text)


def test_a_world_on_disk_is_read_by_datasets(tmp_path):
    folder, told = tmp_path / "world", []
    write_world(
        folder, train=3, test=2, seed=4, workers=1, progress=lambda done, total: told.append((done, total))
    )
    loaded = datasets.load_dataset(str(folder), cache_dir=str(tmp_path / "cache"))
    assert {split: len(rows) for split, rows in loaded.items()} == {"train": 3, "test": 2}
    assert loaded["train"].column_names == COLUMNS
    assert loaded["train"].features["frame_count"].dtype == "int32"
    row, expected = loaded["test"][1], make_story(4, "test", 1)
    assert row["story"] == expected["story"] and row["images"][0].size == FRAME
    assert told[-1] == (5, 5)
    with pytest.raises(FileExistsError, match="not an empty folder"):
        write_world(folder, train=1, test=1)


def small_story(seed, split, index):
    return {
        "story_id": f"{split}-{index}",
        "images": [b"x"],
        "frame_count": 1,
        "chain_of_thought": "",
        "story": "",
    }


def test_a_large_world_streams_through_memory(tmp_path, monkeypatch):
    """Written in row groups as they are made; never more than the groups in flight are held."""
    import pyarrow.parquet as pq

    made = []

    def stories_of(task):
        made.append(task)
        return [small_story(task[0], task[1], index) for index in range(task[2], task[3])]

    written = []
    monkeypatch.setattr(writer, "_stories", stories_of)
    write_world(
        tmp_path / "world",
        train=1000,
        test=10,
        workers=1,
        progress=lambda *now: written.append((*now, len(made))),
    )
    assert all(done >= (groups - 1) * writer.GROUP - writer.GROUP for done, _, groups in written)
    files = sorted((tmp_path / "world" / "data").glob("train-*.parquet"))
    assert len(files) == -(-1000 // writer.SHARD)
    ids = [i for file in files for i in pq.read_table(file, columns=["story_id"])["story_id"].to_pylist()]
    assert ids == [f"train-{index}" for index in range(1000)]
    assert pq.ParquetFile(files[0]).metadata.row_group(0).num_rows == writer.GROUP


def test_a_failed_world_leaves_nothing(tmp_path, monkeypatch):
    def broken(task):
        raise RuntimeError("no more paint")

    monkeypatch.setattr(writer, "_stories", broken)
    with pytest.raises(RuntimeError, match="no more paint"):
        write_world(tmp_path / "world", train=2, test=2, workers=1)
    assert not list(tmp_path.iterdir())
