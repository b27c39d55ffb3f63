"""How parquet files are read: as `datasets` would, in little memory."""

import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from datasets import Dataset, Features, Image, List, Value, load_dataset

from ablation.data.sources import open_source
from tests.test_bad_files import rows_of, write
from tests.test_bad_stories import good

ROOT = Path(__file__).parents[1]
GROWTH = """
import resource, sys
from ablation.data.sources import open_source

def megabytes():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

open_source(sys.argv[1], 20)
before = megabytes()
rows = sum(1 for _ in open_source(sys.argv[1], 20).rows("train"))
print(rows, megabytes() - before)
"""


def test_a_small_file_of_one_text_thousands_of_times_takes_little_memory(tmp_path):
    """32 kB that hold 600 MB."""
    text = pa.array(["<gdi image1>" + "a" * 150_000 + "</gdi>"]).dictionary_encode()
    stories = text.take(pa.array([0] * 4000))
    table = pa.table({"story_id": pa.array(map(str, range(4000))), "images": pa.array([[]] * 4000, pa.list_(pa.binary())), "story": stories})  # fmt: skip
    write(tmp_path / "bomb", name="test-0.parquet")
    pq.write_table(table, tmp_path / "bomb" / "train-0.parquet")
    done = subprocess.run(
        [sys.executable, "-c", GROWTH, str(tmp_path / "bomb")], cwd=ROOT, capture_output=True, text=True
    )
    rows, grown = done.stdout.split()
    assert (tmp_path / "bomb" / "train-0.parquet").stat().st_size < 50_000 and rows == "4000", done.stderr
    assert float(grown) < 250


def with_features(rows: list[dict], images: object):
    """As `datasets` writes them: what the columns are stands in the schema."""
    features = Features({"images": images, "story": Value("string"), "story_id": Value("string")})
    return Dataset.from_list([{name: row[name] for name in features} for row in rows], features=features)


@pytest.mark.parametrize(
    "images, kind",
    [
        (good(5)["images"], List(Image(decode=False))),
        ([image["bytes"] for image in good(5)["images"]], List(Value("binary"))),
        (["a.jpg", None], List(Image(decode=False))),
        (["a.jpg", None], List(Value("string"))),
        (None, List(Image(decode=False))),
    ],
    ids=["pictures", "bytes", "paths of pictures", "texts", "none"],
)
def test_rows_are_those_that_datasets_reads(tmp_path, images, kind):
    (tmp_path / "mine").mkdir()
    rows = [row | {"images": images} for row in rows_of(20)]
    with_features(rows, kind).to_parquet(tmp_path / "mine" / "train-0.parquet")
    write(tmp_path / "mine", name="test-0.parquet")
    theirs = load_dataset("parquet", data_files=str(tmp_path / "mine" / "train-0.parquet"), split="train")
    if isinstance(theirs.features["images"].feature, Image):
        theirs = theirs.cast_column("images", List(Image(decode=False)))
    assert list(open_source(str(tmp_path / "mine"), 20).rows("train")) == list(theirs)
