"""Stories in: parquet folders, saved data sets, the hub; the prepared store; windows and splits."""

import json
import shutil
from pathlib import PurePath

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from datasets import Dataset, load_dataset
from tokenizers import Tokenizer
from transformers import PreTrainedTokenizerFast

from ablation.commands.stories import load_stories, require_windows
from ablation.commands.train import all_floors
from ablation.config.config import Config
from ablation.console import Console, Silent
from ablation.data import batches, hub
from ablation.data import store as store_module
from ablation.data.batches import SplitTensors, WindowBatches
from ablation.data.prepared_story import prepare_story
from ablation.data.schema import split_of
from ablation.data.sources import open_source
from ablation.data.store import prepare, release
from ablation.data.tokens import (
    BERT,
    MAX_TOKENS,
    Vocabulary,
    choose_tokenizer,
    decode,
    encode,
    load_tokenizer,
    train_wordpiece,
)
from ablation.data.windows import all_windows, split_hash, split_train_validation
from ablation.errors import DataError


def prepared(folder, **keys):
    config = Config(dataset=str(folder), **keys)
    return prepare(config, open_source(config.dataset, config.world_stories))


def in_batches(windows, size, order=None):
    """With row numbers in the place of text latents, and 0 for PAD."""
    tensors = SplitTensors.of(windows, torch.device("cpu"))
    numbers = torch.arange(len(windows.frames))[:, None].float()
    return WindowBatches(windows, tensors, 0, text_latents=numbers).in_batches(size, order)


def rows_of(world, count=8):
    return load_dataset(str(world), split="train").to_pandas().to_dict("records")[:count]


def write_rows(folder, rows, columns=None):
    folder.mkdir(exist_ok=True)
    table = pa.Table.from_pylist(
        [{k: v for k, v in row.items() if not columns or k in columns} for row in rows]
    )
    pq.write_table(table, folder / "train-0.parquet")
    return folder


def test_parquet_and_saved_folders_of_the_same_stories_prepare_alike(world, tmp_path):
    load_dataset(str(world)).save_to_disk(tmp_path / "saved")
    parquet, saved = prepared(world), prepared(tmp_path / "saved")
    assert parquet.folder != saved.folder
    for split in ("train", "test"):
        assert np.array_equal(parquet.frames(split), saved.frames(split))
        assert np.array_equal(parquet.tokens(split), saved.tokens(split))
        assert parquet.index(split) == saved.index(split)


def test_the_first_windows_and_all_windows(world):
    first, sliding = prepared(world), prepared(world, windows="sliding")
    assert len(first.index("train").starts) == 24
    counts = [row["frame_count"] for row in rows_of(world, 24)]
    assert len(sliding.index("train").starts) == sum(count - 4 for count in counts)
    windows = all_windows(sliding, "train", "frame5")
    ends = windows.starts + 4
    assert ends.max() < len(windows.frames)
    taken = list(in_batches(windows, 7))
    assert [count for _, count in taken] == [7] * (len(windows) // 7) + [len(windows) % 7]
    batch, _ = taken[0]
    assert len(batch) == 7 and batch.frames.shape == (7, 4, 3, 60, 125)
    assert 0 <= batch.frames.min() <= batch.frames.max() <= 1
    assert np.array_equal(batch.target_tokens[0], windows.token_rows[4])
    assert batch.target_count == (batch.target_tokens[:, 1:] != 0).sum()
    assert np.array_equal(batch.text_latents[2, :, 0], windows.starts[2] + np.arange(4))
    assert np.array_equal(batch.tokens[2], windows.token_rows[windows.starts[2] + np.arange(4)])
    assert batch.image_latents is None


def test_the_first_windows_of_a_sliding_store_are_those_of_a_first_store(world):
    alone = all_windows(prepared(world), "train", "frame4")
    sliding = all_windows(prepared(world, windows="sliding"), "train", "frame4")
    among = sliding.of_kind("first")
    assert len(among) == 24 < len(sliding) and alone.names() == among.names()
    assert sliding.of_kind("sliding").names()[:2] == ["train-00000:1", "train-00000:2"]
    for ours, theirs in zip(in_batches(alone, 24), in_batches(among, 24), strict=True):
        assert torch.equal(ours[0].frames, theirs[0].frames)
        assert torch.equal(ours[0].target_tokens, theirs[0].target_tokens)


def test_a_store_holds_what_training_and_scoring_need(world):
    scored = prepared(world, scored_windows="sliding")
    assert scored.folder == prepared(world, windows="sliding", scored_windows="first").folder
    assert scored.folder == prepared(world, windows="sliding").folder != prepared(world).folder


def test_one_tokenizer_for_a_data_set_whatever_the_windows(world, tmp_path):
    """Also where stories are left out of one of the stores, or of both."""
    skipped = rows_of(world)[0] | {"story": "<gdi> zyxel zyxel</gdi>"}
    folder = write_rows(tmp_path / "torn", [*torn_stories(world), skipped])
    for place in (world, folder):
        first, sliding = prepared(place), prepared(place, windows="sliding")
        assert first.tokenizer_hash == sliding.tokenizer_hash
    assert "zyxel" in prepared(folder).tokenizer().get_vocab()
    assert prepared(folder).tokenizer_hash != prepared(folder, max_stories=12).tokenizer_hash


def torn_stories(world):
    """Every third lacks the description of frame 1: it has sliding windows, but no first one."""
    long = [row for row in rows_of(world, 24) if row["frame_count"] > 6]
    rows = [row | {"story_id": f"{row['story_id']}-{turn}"} for turn in range(3) for row in long]
    torn = [r | {"story": r["story"].replace("<gdi image1>", "<gdi image99>")} for r in rows]
    return [torn[i] if i % 3 == 0 else row for i, row in enumerate(rows)]


def test_stores_of_other_windows_split_the_stories_that_they_share_alike(world, tmp_path):
    folder = write_rows(tmp_path / "torn", torn_stories(world))
    first = all_windows(prepared(folder), "train", "frame5")
    sliding = all_windows(prepared(folder, windows="sliding"), "train", "frame5")
    assert len(first.story_ids) < len(sliding.story_ids)
    for seed in range(4):
        parts = [split_train_validation(windows, seed) for windows in (first, sliding.of_kind("first"))]
        assert [part.names() for part in parts[0]] == [part.names() for part in parts[1]]


def test_the_split_hash_tells_stories_and_scored_windows_but_not_training_windows(world, tmp_path):
    def digest(folder=world, **keys):
        return load_stories(Config(dataset=str(folder), **keys), Console()).split_hash

    first = digest()
    assert len(first) == 12 and first == digest(equalize=False, text_target="frame5")
    assert first == digest(windows="sliding", scored_windows="first")
    assert digest(scored_windows="sliding") == digest(windows="sliding") != first
    assert digest(seed=1) != first and digest(max_stories=23) != first
    torn, scored = write_rows(tmp_path / "torn", torn_stories(world)), {"scored_windows": "sliding"}
    assert digest(torn, windows="first", **scored) == digest(torn, windows="sliding", **scored)


def test_the_split_hash_looks_at_each_part(world):
    windows = all_windows(prepared(world, windows="sliding"), "train", "frame5")
    train, validation = split_train_validation(windows, seed=0)
    whole = split_hash(train, validation, windows)
    fewer, test = validation.at(np.arange(3)), windows.at(np.arange(5))
    assert split_hash(train.of_kind("first"), validation, windows) == whole
    assert len({whole, split_hash(train, fewer, windows), split_hash(train, validation, test)}) == 3


def test_stories_without_a_window_of_the_kind_are_told_and_none_at_all_is_refused(world, tmp_path, capsys):
    torn = write_rows(tmp_path / "torn", torn_stories(world))
    keys = {"windows": "first", "scored_windows": "sliding"}
    stories = load_stories(Config(dataset=str(torn), **keys), Console())
    assert "train stories left out, no description for frames 1 to 5" in capsys.readouterr().out
    assert set(stories.train.numbers) == {1} and set(stories.validation.numbers) > {1, 2}
    rows = [r | {"story": r["story"].replace("<gdi image1>", "<gdi image99>")} for r in torn_stories(world)]
    with pytest.raises(
        DataError, match="none of the train stories that seed 0 draws has a window that is first"
    ):
        load_stories(Config(dataset=str(write_rows(tmp_path / "none", rows)), **keys), Console())


def test_little_of_a_mapped_file_stays_resident(world, monkeypatch):
    windows = all_windows(prepared(world, windows="sliding"), "train", "frame5")
    monkeypatch.setattr(batches, "MOST_RESIDENT", 3 * 5 * windows.frames[0].nbytes)
    released = []
    monkeypatch.setattr(batches, "release", lambda array: released.append(array) or release(array))
    frames = [batch.frames for batch, _ in in_batches(windows, 2)]
    assert len(released) == len(windows) // 4 and released[0] is windows.frames
    again = [batch.frames for batch, _ in in_batches(windows, 2)]
    assert all(torch.equal(a, b) for a, b in zip(frames, again, strict=True))


def test_a_batch_does_not_depend_on_its_neighbours(world):
    windows = all_windows(prepared(world, windows="sliding"), "train", "frame5")
    order = torch.tensor([5, 0, 3])
    (together, _), *_ = in_batches(windows, 3, order)
    for place, window in enumerate(order):
        ((alone, _),) = in_batches(windows, 3, window[None])
        assert torch.equal(together.frames[place], alone.frames[0])
        assert torch.equal(together.target_frame[place], alone.target_frame[0])


def test_nothing_written_to_a_prepared_frame_reaches_the_disk(world):
    store = prepared(world)
    before = store.frames("train")[0].copy()
    store.frames("train")[0] = 0
    assert np.array_equal(store.frames("train")[0], before)


def test_the_left_over_loop_variable_makes_frame_4_the_text_target(world):
    windows = all_windows(prepared(world), "train", "frame4")
    batch, _ = next(in_batches(windows, 2))
    assert np.array_equal(batch.target_tokens[1], windows.token_rows[windows.starts[1] + 3])


def test_preparing_shows_how_far_it_is(world, tmp_path):
    shown = []
    source = open_source(str(world), 24)
    prepare(Config(dataset=str(world), max_stories=10), source, lambda *step: shown.append(step))
    assert shown[-2:] == [("preparing train stories", 10, 10), ("preparing test stories", 8, 8)]
    load_dataset(str(world)).save_to_disk(tmp_path / "saved")
    assert open_source(str(tmp_path / "saved"), 24).stories == {"train": 24, "test": 8}


def test_floors_are_of_the_windows_that_are_scored_whatever_is_trained_on(world):
    """Else arms that train on fewer windows would have weaker floors for the same test."""
    keys = {"dataset": str(world), "scored_windows": "sliding"}
    configs = [Config(windows=windows, **keys) for windows in ("first", "sliding")]
    first, sliding = (all_floors(config, load_stories(config, Silent()), Silent()) for config in configs)
    assert first == sliding
    alone = Config(dataset=str(world))
    stories = load_stories(alone, Silent())
    assert len(stories.fitted) == len(stories.train) == stories.train.story_count


def test_another_version_of_what_makes_a_store_makes_another(world, monkeypatch):
    before = prepared(world).folder
    monkeypatch.setattr("ablation.data.store.code_digest", lambda *files: "other")
    assert prepared(world).folder != before
    monkeypatch.undo()
    monkeypatch.setattr("ablation.data.store.version", lambda package: "0.1")
    assert prepared(world).folder != before


def test_a_store_is_built_once(world, monkeypatch):
    prepared(world)
    monkeypatch.setattr("ablation.data.store._build", None)
    prepared(world)


@pytest.mark.parametrize(
    "harm, told",
    [
        (lambda data: data[:-4], "bytes instead of"),
        (lambda data: bytes([data[0] ^ 1]) + data[1:], "had been changed"),
        (None, "list of files could not be read"),
    ],
)
def test_a_damaged_store_is_made_again_and_says_why(world, harm, told):
    store = prepared(world, max_stories=20)
    file = store.folder / ("train.tokens.i32" if harm else "manifest.json")
    whole = store.tokens("train").tobytes()
    file.write_bytes(harm(whole) if harm else b"{")
    again = prepared(world, max_stories=20)
    assert told in again.note and again.tokens("train").tobytes() == whole
    assert prepared(world, max_stories=20).note == "found"


def test_a_touched_store_with_the_same_bytes_is_kept(world):
    store = prepared(world)
    (store.folder / "train.frames.u8").touch()
    assert prepared(world).note == "found"


def test_what_a_killed_build_left_is_cleared_away(world):
    folder = prepared(world, max_stories=21).folder
    left = folder.parent / f".{folder.name}-999999999-abc"
    left.mkdir()
    shutil.rmtree(folder)
    assert "1 unfinished from a killed run cleared away" in prepared(world, max_stories=21).note
    assert not left.exists()


def test_short_stories_are_counted_with_their_reason(world, tmp_path):
    rows = rows_of(world)
    rows[0] = rows[0] | {"images": rows[0]["images"][:4]}
    rows[1] = rows[1] | {"story": rows[1]["story"].replace("<gdi image3>", "<gdi image99>")}
    rows[2] = rows[2] | {"story": ""}
    index = prepared(
        write_rows(
            tmp_path / "short",
            rows + [r | {"story_id": f"more{i}"} for i, r in enumerate(rows_of(world, 24) * 2)],
        )
    ).index("train")
    assert sorted(index.skipped_counts.values()) == [1, 2]
    assert index.skipped["fewer than 5 frames"] == [rows[0]["story_id"]]


def test_the_wordpiece_never_sees_the_test_split(world):
    store = prepared(world, windows="sliding")
    vocabulary = set(store.tokenizer().get_vocab())
    train = " ".join(store.index("train").texts).lower()
    whole_words = {w for w in vocabulary if w.isalpha() and len(w) > 3}
    assert whole_words and all(word in train for word in whole_words)
    assert store.tokens("train").shape[1] == 120


def test_the_tokenizer_of_each_data_set():
    assert choose_tokenizer("auto", "daniel3303/StoryReasoning") == BERT
    assert choose_tokenizer("auto", "storyworld") == "trained"
    assert choose_tokenizer("/some/folder", "storyworld") == "/some/folder"


def test_a_local_tokenizer_folder_serves(world):
    folder = prepared(world).folder / "tokenizer"
    again = prepared(world, tokenizer=str(folder))
    assert np.array_equal(again.tokens("test"), prepared(world).tokens("test"))


def own_tokenizer(world, folder, change):
    """That of a data set, wrapped as one wraps one's own, with `change` made to its description."""
    made = json.loads(prepared(world).tokenizer().backend_tokenizer.to_str())
    change(made)
    names = {f"{name}_token": f"[{name.upper()}]" for name in ("pad", "unk", "cls", "sep")}
    given = Tokenizer.from_str(json.dumps(made))
    PreTrainedTokenizerFast(tokenizer_object=given, padding_side="left", **names).save_pretrained(folder)
    return folder


def without_marks(made):
    made["post_processor"] = None


def with_holes(made):
    last = max(made["model"]["vocab"].values())
    made["model"]["vocab"]["zyxel"] = last + 100


def test_a_tokenizer_without_cls_and_sep_is_refused(world, tmp_path):
    """A model would be trained that never ends a description."""
    with pytest.raises(DataError, match=r"where \[CLS\].*is wanted.*post-processor"):
        load_tokenizer(own_tokenizer(world, tmp_path, without_marks))


def test_a_tokenizer_may_pad_on_the_left_and_number_its_words_with_holes(world, tmp_path):
    loaded = load_tokenizer(own_tokenizer(world, tmp_path, with_holes))
    (row,) = encode(loaded, ["zyxel"])
    words = Vocabulary.of(loaded)
    assert row[0] == words.start and row[1] == words.size - 1 and row[-1] == words.pad
    assert words.size > len(loaded)


def test_a_tokenizer_that_is_not_there_is_told_before_a_picture_is_read(world, monkeypatch):
    monkeypatch.setattr(store_module, "prepare_story", lambda *_: pytest.fail("a picture was read"))
    with pytest.raises(DataError, match="tokenizer=/nowhere"):
        prepared(world, tokenizer="/nowhere")


def test_what_was_read_is_written_as_it_stood_but_for_capitals(world):
    store = prepared(world, windows="sliding")
    texts = [text for text in store.index("train").texts if "'" in text or '"' in text]
    tokenizer = store.tokenizer()
    whole = [text.lower() for text in texts if len(tokenizer(text)["input_ids"]) <= MAX_TOKENS]
    assert len(whole) > 20
    assert [decode(tokenizer, row) for row in encode(tokenizer, whole)] == whole


def test_the_split_is_by_story_80_to_20_and_the_seeds_own(world):
    windows = all_windows(prepared(world, windows="sliding"), "train", "frame5")
    train, validation = split_train_validation(windows, seed=3)
    assert not set(train.stories) & set(validation.stories)
    assert (train.story_count, validation.story_count) == (19, 5)
    again, _ = split_train_validation(windows, seed=3)
    other, _ = split_train_validation(windows, seed=4)
    assert np.array_equal(train.starts, again.starts) and set(train.stories) != set(other.stories)


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda rows, f: write_rows(f, rows, columns=("story_id", "story")), "lacks the column images"),
        (lambda rows, f: write_rows(f, rows[:3]), "at least 5 are needed"),
        (lambda rows, f: write_rows(f, [rows[0] | {"images": []}]), "at least 5 are needed"),
        (lambda rows, f: f.mkdir() or (f / "train.parquet").write_bytes(b"PAR1 no"), "not a whole parquet file"),
        (lambda rows, f: f.mkdir(), "holds neither parquet files nor"),
        (lambda rows, f: f.mkdir() or (f / "test-0.parquet").write_bytes((write_rows(f.parent / "x", rows) / "train-0.parquet").read_bytes()), "no parquet file of a train split"),
    ],
)  # fmt: skip
def test_an_unusable_data_set_says_what_is_wrong(world, tmp_path, make, message):
    make(rows_of(world), tmp_path / "bad")
    with pytest.raises(DataError, match=message):
        prepared(tmp_path / "bad")


def test_an_unreadable_picture_names_story_and_frame(world, tmp_path):
    rows = rows_of(world)
    images = [dict(image) for image in rows[4]["images"]]
    images[2]["bytes"] = images[2]["bytes"][:50]
    rows[4] = rows[4] | {"images": images}
    far = [row | {"story_id": f"{row['story_id']}-{n}"} for n in range(40 // len(rows) + 1) for row in rows]
    with pytest.raises(DataError, match=r"story train-00004-1, frame 3") as error:
        prepared(write_rows(tmp_path / "torn", far))
    told = str(error.value)
    assert "train-00004-4" in told and "0x" not in told  # of every chunk, and no address in memory


def test_a_missing_folder_and_an_unreachable_hub_name_the_offline_choices(monkeypatch):
    with pytest.raises(DataError, match="offline, use dataset=storyworld"):
        open_source("./nowhere", 20)
    monkeypatch.setattr(hub, "HUB_SECONDS", 1)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(DataError, match="offline, use dataset=storyworld"):
        open_source("nobody/nothing", 20)


def test_one_name_that_the_hub_refuses_keeps_no_other_from_it(monkeypatch):
    import huggingface_hub

    monkeypatch.setattr(
        hub, "hub_refusal", lambda name, kind: None if name == "x/good" else "it is not there"
    )
    seen = lambda *_, **__: huggingface_hub.constants.HF_HUB_OFFLINE  # noqa: E731
    assert [hub.pretrained(name, seen) for name in ("x/good", "x/typo", "x/good")] == [
        [False],
        [True],
        [False],
    ]


@pytest.mark.parametrize("answered, asked", [(True, ["a/b", "c/d"]), (False, ["a/b"])])
def test_a_hub_that_does_not_answer_is_waited_for_once(monkeypatch, answered, asked):
    """Not at every name, store and cell; a name that it refuses says nothing of others."""
    names = []
    monkeypatch.setattr(hub, "_unreachable", [])
    monkeypatch.setattr(hub, "_asked", lambda name, kind: names.append(name) or ("why", answered))
    assert [hub.hub_refusal(name, "model") for name in ("a/b", "c/d")] == ["why", "why"] and names == asked


def test_without_a_test_split_too_few_are_told_how_many_it_takes(world, tmp_path):
    rows = rows_of(world, 12)
    with pytest.raises(
        DataError, match=r"15 % of the stories.*held out to test: name a file test-….parquet, or give forty"
    ):
        prepared(write_rows(tmp_path / "few", rows))


@pytest.mark.parametrize("count", [5, 6])
@pytest.mark.parametrize("windows", ["first", "sliding"])
def test_stories_that_number_their_frames_from_0_are_left_out_and_told(world, count, windows):
    row = rows_of(world)[0]
    images = list(row["images"][:5]) * 2
    for first, problem in ((1, None), (0, "its descriptions are numbered from 0, and frame 1 is the first")):
        text = "".join(f"<gdi image{first + n}>word {n}</gdi>" for n in range(count))
        story = prepare_story(row | {"images": images, "story": text}, False, windows)
        assert story.problem == problem and bool(story.runs) == (problem is None)


def test_a_study_is_told_of_a_seed_that_leaves_a_part_without_a_window(world, tmp_path):
    """Before any cell has trained: which stories are validated on is the seed's choice."""
    usable, *others = (row | {"story_id": f"s{n}"} for n, row in enumerate(rows_of(world) * 2))
    rows = [row | {"story": "<gdi image2>only</gdi>"} for row in others]
    rows = [*[usable | {"story_id": f"u{n}"} for n in range(5)], *rows]
    folder = write_rows(tmp_path / "few", rows)
    shutil.copy(next((world / "data").glob("test-*.parquet")), folder / "test-0.parquet")
    configs = [Config(dataset=str(folder), seed=seed) for seed in range(12)]
    store = prepared(folder)
    lucky = [config for config in configs if len(windows_of(store, config.seed)[1])]
    assert 0 < len(lucky) < len(configs)
    require_windows(store, lucky)
    with pytest.raises(
        DataError, match=r"none of the validation stories that seed \d+ draws.*5 of the 20 stories"
    ):
        require_windows(store, configs)


def windows_of(store, seed):
    return split_train_validation(all_windows(store, "train", "frame5"), seed)


def test_without_a_test_split_some_stories_are_held_out(world, tmp_path):
    rows = [row | {"story_id": f"{row['story_id']}-{n}"} for n in range(2) for row in rows_of(world, 24)]
    store = prepared(write_rows(tmp_path / "single", rows))
    train, test = store.index("train").story_ids, store.index("test").story_ids
    assert len(train) + len(test) == 48 and not set(train) & set(test) and test
    assert (
        "no test split: 15 % of its stories, chosen by their ids"
        in open_source(str(tmp_path / "single"), 20).notes[0]
    )


def test_the_digest_is_that_of_the_bytes(world, tmp_path):
    shutil.copytree(world, tmp_path / "copy")
    assert open_source(str(world), 20).digest == open_source(str(tmp_path / "copy"), 20).digest
    changed = next((tmp_path / "copy").rglob("train*.parquet"))
    rows = Dataset.from_parquet(str(changed)).select(range(20))
    rows.to_parquet(changed)
    assert open_source(str(world), 20).digest != open_source(str(tmp_path / "copy"), 20).digest


@pytest.mark.parametrize(
    ("place", "split"),
    [
        ("train-0.parquet", "train"),
        ("test-00000-of-00002.parquet", "test"),
        ("default/test/0000.parquet", "test"),
        ("test/train-0.parquet", "train"),
        ("data/validation-0.parquet", "validation"),
        ("VAL_0.parquet", "validation"),
        ("contest/stories.parquet", "train"),
        ("0000.parquet", "train"),
    ],
)
def test_a_file_is_of_the_split_that_its_name_or_else_its_folder_tells(place, split):
    assert split_of(PurePath(place)) == split


def test_a_split_in_a_folder_of_its_own_is_not_trained_on(world, tmp_path, capsys):
    for split in ("train", "test", "validation"):
        (tmp_path / "mine" / split).mkdir(parents=True)
        shutil.copy(
            next(world.rglob("test*.parquet" if split == "test" else "train*.parquet")),
            tmp_path / "mine" / split / "0.parquet",
        )
    stories = load_stories(Config(dataset=str(tmp_path / "mine")), Console())
    told = capsys.readouterr().out
    assert stories.train.story_count + stories.validation.story_count == 24 and stories.test.story_count == 8
    assert "its validation split is not used" in told and "no test split" not in told


def test_the_digest_tells_which_split_a_file_is_of(world, tmp_path):
    """The same bytes, first held out of the one split, then a test split by name: another data set."""
    rows = rows_of(world, 24)
    write_rows(tmp_path / "mine", rows[:16])
    (tmp_path / "mine" / "train-0.parquet").rename(tmp_path / "mine" / "a.parquet")
    write_rows(tmp_path / "mine", rows[16:])
    (tmp_path / "mine" / "train-0.parquet").rename(tmp_path / "mine" / "part.parquet")
    unnamed = open_source(str(tmp_path / "mine"), 20).digest
    (tmp_path / "mine" / "part.parquet").rename(tmp_path / "mine" / "test.parquet")
    assert open_source(str(tmp_path / "mine"), 20).digest != unnamed


def test_the_wordpiece_is_a_function_of_the_text(world):
    texts = prepared(world).index("train").texts
    vocabularies = [train_wordpiece(texts).get_vocab() for _ in range(3)]
    assert vocabularies[0] == vocabularies[1] == vocabularies[2]
