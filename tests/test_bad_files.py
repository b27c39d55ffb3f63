"""Folders that are no data set, or a broken one: each is read or refused by file, and nothing outside it is read."""

import json
import os
import random
import shutil
import time

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from datasets import Dataset, DatasetDict, Features, Image, List, Value

from ablation.commands.stories import load_stories
from ablation.config.config import Config
from ablation.console import Console
from ablation.data import files, parquet, schema
from ablation.data.sources import StorySource, first_rows, open_source
from ablation.data.store import prepare
from ablation.errors import DataError
from tests.test_bad_stories import good, jpeg

STORIES = 12


def rows_of(count: int = STORIES) -> list[dict]:
    return [good(5) | {"story_id": f"s-{number}"} for number in range(count)]


def write(folder, rows=None, name="train-0.parquet", schema=None):
    folder.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(rows_of() if rows is None else rows, schema), folder / name)
    return folder


def data_set(folder, rows=None):
    """A good folder, but for the rows given as its training stories."""
    write(folder, name="test-0.parquet")
    return write(folder, rows)


def prepared(folder):
    config = Config(dataset=str(folder), windows="sliding")
    return prepare(config, open_source(str(folder), 20))


def refusal(folder) -> str:
    with pytest.raises(DataError) as error:
        prepared(folder)
    assert len(str(error.value)) < 1500 and "Traceback" not in str(error.value)
    return str(error.value)


def everything(folder) -> list[dict] | str:
    """All rows of a folder, or a refusal that names it."""
    try:
        source = open_source(str(folder), 20)
        return [row for split in schema.SPLITS for row in first_rows(source, split, None)]
    except DataError as error:
        assert str(folder) in str(error) and len(str(error)) < 900, error
        return str(error)


@pytest.fixture(scope="module")
def bytes_of_parquet(tmp_path_factory):
    return (write(tmp_path_factory.mktemp("good")) / "train-0.parquet").read_bytes()


def column(name: str, value: object) -> list[dict]:
    return [row | {name: value} for row in rows_of()]


@pytest.mark.parametrize(
    "rows, told",
    [
        (column("story", 3), "train split: story s-0: its story is int 3, not text"),
        (column("story", b"x"), "story s-0: its story is bytes b'x', not text"),
        (column("story", ["a"]), "story s-0: its story is list"),
        (column("story", {"a": "b"}), "story s-0: its story is dict"),
        (column("images", 3), "story s-0: its images are int 3, not a list"),
        (column("images", "a.jpg"), "story s-0: its images are str a.jpg, not a list"),
        (column("images", ["a.jpg"] * 5), "frame 1: the picture cannot be read (ValueError: a.jpg stands in the place"),
        (column("images", [None] * 5), "story s-0, frame 1"),
        (column("images", [[b"x"]] * 5), "story s-0, frame 1"),
        (column("images", [{"bytes": None, "path": "/etc/hostname"}] * 5), "/etc/hostname stands in the place"),
        (column("images", [{"width": 3}] * 5), "story s-0, frame 1"),
        (column("chain_of_thought", 3.5), "its chain_of_thought is float 3.5, not text"),
        (column("images", []), "has 0 usable stories of 12 read"),
        (column("images", None), "has 0 usable stories of 12 read"),
        (column("story", None), "has 0 usable stories of 12 read"),
        ([], "lacks the column story_id"),
        (rows_of(4), "has 4 usable stories of 4 read, at least 5 are needed"),
    ],
)  # fmt: skip
def test_columns_of_the_wrong_type_are_told_by_story(tmp_path, rows, told):
    folder = data_set(tmp_path / "bad", rows)
    message = refusal(folder)
    assert told in message and str(folder) in message, message


@pytest.mark.parametrize("missing", schema.COLUMNS)
def test_a_missing_column_is_named_with_the_file(tmp_path, missing):
    rows = [{name: value for name, value in row.items() if name != missing} for row in rows_of()]
    assert f"train-0.parquet lacks the column {missing}" in refusal(data_set(tmp_path / "bad", rows))


def test_columns_of_no_use_are_not_read(tmp_path):
    rows = [row | {f"extra {n}": n for n in range(300)} for row in rows_of()]
    assert len(prepared(data_set(tmp_path / "wide", rows)).index("train").story_ids) == STORIES


def test_null_rows_and_odd_ids_are_counted_and_told(tmp_path, capsys):
    null = dict.fromkeys(good(5))
    odd = ["x\ny", "../../up", "é" * 10_000, "s-1", "s-1", "\x1b[2J"]
    rows = rows_of() + [good(5) | {"story_id": name} for name in odd] + [null] * 2
    load_stories(Config(dataset=str(data_set(tmp_path / "odd", rows))), Console())
    told = capsys.readouterr().out
    assert "2 of 20 train stories left out, fewer than 5 frames: None, None" in told
    assert "1 train ids are each of several stories, all taken: s-1" in told and "\x1b" not in told


def test_stories_that_are_scored_although_they_are_trained_on_are_told(tmp_path, capsys):
    def story(number: int, colour: str = "teal") -> dict:
        row = good(5)
        images = [{"bytes": jpeg(colour), "path": None} for _ in row["images"]]
        return row | {
            "story_id": f"s-{number}",
            "story": row["story"].replace("door", f"door {number}"),
            "images": images,
        }

    folder = write(tmp_path / "copies", [story(number) for number in range(STORIES)])
    write(
        folder,
        [story(20), *(story(number) | {"story_id": "again"} for number in range(9)), story(10, "red")],
        "test-0.parquet",
    )
    stories = load_stories(Config(dataset=str(folder)), Console())
    told = capsys.readouterr().out
    trained = {stories.train.story_ids[story] for story in stories.train.stories}
    copied = sum(f"s-{number}" in trained for number in range(9))
    assert f"data: {copied} of 11 test stories have windows that are trained on as well" in told
    assert "validation stories have" not in told and "s-20" not in told and "s-10" not in told


def test_several_broken_stories_are_told_at_once(tmp_path):
    rows = rows_of(20)
    for row in rows[3:12]:
        row["images"][1] = {"bytes": b"x", "path": None}
    message = refusal(data_set(tmp_path / "bad", rows))
    assert message.count("frame 2") == 5 and "story s-3" in message and message.endswith("- and 4 more")


def test_a_schema_of_another_kind_says_where_it_breaks_off(tmp_path):
    folder = data_set(tmp_path / "mixed")
    write(folder, column("images", 3), "train-1.parquet")
    told = refusal(folder)
    assert (
        "train-1.parquet has a column of another type than train-0.parquet" in told and "same types" in told
    )
    schema = pa.Table.from_pylist(rows_of()).schema.with_metadata({"huggingface": "{not json"})
    assert "breaks off after 0 stories" in refusal(write(tmp_path / "lies", schema=schema))


@pytest.mark.parametrize(
    "make, told",
    [
        (lambda f: write(f, []), "lacks the column"),
        (lambda f: write(f, [], schema=pa.Table.from_pylist(rows_of()).schema), "has no story in its parquet files of the train split"),
        (lambda f: write(f, name="test-0.parquet"), "no parquet file of a train split"),
        (lambda f: f.mkdir(), "holds neither parquet files nor"),
        (lambda f: (f / "x.parquet").mkdir(parents=True), "x.parquet is a folder, not a file of stories"),
        (lambda f: write(f / "train.parquet"), "train.parquet is a folder"),
        (lambda f: write(f) and os.mkfifo(f / "train-1.parquet"), "train-1.parquet is no file"),
        (lambda f: write(f) and (f / "train-1.parquet").symlink_to("nowhere"), "train-1.parquet is a broken link"),
        (lambda f: write(f) and (f / "train-1.parquet").symlink_to("train-1.parquet"), "train-1.parquet is a broken link"),
        (lambda f: write(f) and (f / "train-1.parquet").write_bytes(b""), "train-1.parquet is not a whole parquet file"),
        (lambda f: write(f) and (f / "train-1.parquet").write_bytes(b"PAR1" * 99), "train-1.parquet is not a whole"),
        (lambda f: write(f) and (f / "train-0.parquet").write_bytes((f / "train-0.parquet").read_bytes().replace(b"story_id", b"story\xffid")), "train-0.parquet is not a whole"),
        (lambda f: write(f) and (f / "state.json").write_text("{"), "holds neither"),
        (lambda f: write(f) and (f / "a.arrow").write_text("x") and (f / "state.json").write_text("{"), "is not a whole saved data set"),
    ],
)  # fmt: skip
def test_a_folder_that_is_no_data_set_says_why(tmp_path, make, told):
    make(tmp_path / "bad")
    message = refusal(tmp_path / "bad")
    assert told in message and str(tmp_path / "bad") in message, message


def test_links_to_folders_are_not_followed_round_and_round(tmp_path):
    folder = data_set(tmp_path / "loop")
    (folder / "round").symlink_to(folder)
    assert prepared(folder).index("train").read == STORIES


@pytest.mark.parametrize("call", ["os.scandir", "pyarrow.parquet.read_metadata"])
def test_what_may_not_be_read_is_named(tmp_path, monkeypatch, call):
    """As anyone but root finds a folder or a file with mode 000."""
    folder = write(tmp_path / "mine")

    def refuse(place=None, *_, **__):
        raise PermissionError(13, "Permission denied", str(place))

    monkeypatch.setattr(call, refuse)
    with pytest.raises(DataError, match=r"mine.*Permission denied"):
        open_source(str(folder), 20)


def test_a_folder_of_all_files_of_a_machine_is_not_searched_for_hours(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "MOST_LOOKED_AT", 50)
    for number in range(60):
        (tmp_path / f"{number}.txt").touch()
    assert "holds more than 50 files" in refusal(write(tmp_path))


def test_a_row_group_that_unpacks_to_more_than_memory_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(parquet, "MOST_AT_ONCE", 1000)
    assert "train-0.parquet: row group 0 unpacks to" in refusal(write(tmp_path / "bomb"))


def broken(good_bytes: bytes, draws: random.Random) -> bytes:
    made = bytearray(good_bytes)
    turn = draws.randrange(4)
    if turn == 0:
        return bytes(made[: draws.randrange(len(made))])
    for _ in range(draws.randint(1, 5)):
        near_the_end = len(made) - 1 - draws.randrange(min(2500, len(made)))
        place = near_the_end if turn > 1 else draws.randrange(len(made))
        made[place] = draws.choice((0, 255, made[place] ^ (1 << draws.randrange(8))))
    return bytes(made)


def sweep(folder, good_bytes: bytes, count: int) -> None:
    draws, refused, slowest = random.Random(17), 0, 0.0
    for number in range(count):
        place = folder / str(number)
        place.mkdir()
        (place / "train-0.parquet").write_bytes(broken(good_bytes, draws))
        began = time.perf_counter()
        refused += isinstance(everything(place), str)
        slowest = max(slowest, time.perf_counter() - began)
        shutil.rmtree(place)
    assert count / 4 < refused and slowest < 5


def test_dozens_of_broken_parquet_files(tmp_path, bytes_of_parquet):
    sweep(tmp_path, bytes_of_parquet, 60)


@pytest.mark.slow
def test_a_thousand_broken_parquet_files(tmp_path, bytes_of_parquet):
    sweep(tmp_path, bytes_of_parquet, 1000)


def test_empty_files_are_passed_over_and_an_empty_split_is_refused(tmp_path):
    schema, folder = pa.Table.from_pylist(rows_of()).schema, data_set(tmp_path / "some")
    write(folder, [], "train-00.parquet", schema)
    assert prepared(folder).index("train").read == STORIES
    write(folder, [], "test-0.parquet", schema)
    assert "no story in its parquet files of the test split" in refusal(folder)


def test_a_folder_is_read_without_a_word_to_any_server(tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr("socket.getaddrinfo", lambda *address, **_: asked.append(address) or [])
    assert len(everything(data_set(tmp_path / "mine"))) == 2 * STORIES and not asked


FEATURES = Features(
    {"story_id": Value("string"), "images": List(Image(decode=False)), "story": Value("string"), "chain_of_thought": Value("string")}
)  # fmt: skip


def saved(folder, form: str | None = None):
    stories = Dataset.from_list(rows_of(), features=FEATURES).with_format(form)
    DatasetDict({"train": stories, "test": stories}).save_to_disk(folder)
    return folder


def change(file, **values) -> None:
    file.write_text(json.dumps(json.loads(file.read_text()) | values))


def test_a_saved_data_set_names_no_file_outside_its_folder(tmp_path):
    outside, folder = saved(tmp_path / "outside"), saved(tmp_path / "mine")
    (arrow,) = (outside / "train").glob("*.arrow")
    place = os.path.relpath(arrow, folder / "train")
    change(folder / "train" / "state.json", _data_files=[{"filename": place}])
    assert "is not among its files" in refusal(folder)
    change(folder / "train" / "state.json", _data_files=[{"filename": str(arrow)}])
    assert "is not among its files" in refusal(folder)
    change(saved(tmp_path / "too") / "dataset_dict.json", splits=["train", "../outside/test"])
    assert str(tmp_path / "too") in refusal(tmp_path / "too")


def test_a_saved_data_set_of_another_format_is_read_as_it_lies(tmp_path):
    assert prepared(saved(tmp_path / "numpy", "numpy")).index("train").story_ids[0] == "s-0"


@pytest.mark.parametrize(
    "file", ["dataset_dict.json", "train/state.json", "train/dataset_info.json", "arrow"]
)
@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b"null", b"{}", b'{"_type": "os.system"}', b"\xff\xfe"], ids=repr
)
def test_a_saved_data_set_with_a_broken_file_is_refused_or_read(tmp_path, file, content):
    folder = saved(tmp_path / "bad")
    place = next((folder / "train").glob("*.arrow")) if file == "arrow" else folder / file
    place.write_bytes(content)
    everything(folder)


def test_a_source_that_breaks_at_its_very_beginning_is_told(tmp_path):
    def rows(split):
        raise RuntimeError("torn\nand more lines")

    with pytest.raises(
        DataError,
        match=r"here: the train split breaks off after 0 stories: torn. Copy or download the file that holds the next one again$",
    ):
        list(first_rows(StorySource("x", "0", "here", rows), "train", None))
