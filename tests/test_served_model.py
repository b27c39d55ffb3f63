"""The model that a run leaves, as anyone would use it: loaded, served, told to the tracker, and asked nonsense."""

import base64
import errno
import io
import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
import torch
from fastapi.testclient import TestClient
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from PIL import Image

from ablation.commands import opening
from ablation.commands.modelling import log_storyteller
from ablation.commands.stories import load_stories
from ablation.config.config import Config
from ablation.config.declare import resolve
from ablation.console import Silent
from ablation.data.descriptions import read_descriptions
from ablation.data.frames import MOST_PIXELS
from ablation.data.sentences import load_encoder
from ablation.errors import AblationError
from ablation.predict.packing import pack, unpack, write_weights
from ablation.predict.story import MOST_CHARACTERS, InputError, read_stories
from ablation.track.journal import Journal
from ablation.track.left_behind import deliver
from ablation.track.mlflow_run import MlflowRun
from ablation.track.models import FoundModel
from ablation.track.query import get_record
from ablation.track.sending import Sender
from ablation.train.checkpoint import load_checkpoint
from ablation.train.story_task import StoryTask
from tests.servers import answers, free_port, wait_until
from tests.test_scores import task_of
from tests.test_sentences import encoder  # noqa: F401
from tests.test_tracked_run import left_by_a_dead_process

TEXTS = ["one man waits", "a door opens", "he turns", "she laughs"]


@pytest.fixture
def model(trained):
    return mlflow.pyfunc.load_model(f"runs:/{trained.run_id}/storyteller", suppress_warnings=True)


@pytest.fixture(scope="module")
def test_rows(world):
    (table,) = [pq.read_table(file) for file in (world / "data").glob("test-*.parquet")]
    return {row["story_id"]: row for row in table.to_pylist()}


def story_of(row, start=1):
    """The first four frames' bytes and descriptions, from frame `start`."""
    texts, numbers = read_descriptions(row["story"]), range(start, start + 4)
    return {"images": [row["images"][n - 1]["bytes"] for n in numbers], "texts": [texts[n] for n in numbers]}


def opened(image):
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(image))))


def models_of(run_id):
    client = MlflowClient()
    run = client.get_run(run_id)
    condition = f"source_run_id = '{run_id}'"
    return client.search_logged_models([run.info.experiment_id], condition), run


def test_a_run_has_one_model_with_its_params_and_scores(trained):
    (model,), run = models_of(trained.run_id)
    assert (model.name, model.status) == ("storyteller", "READY")
    assert [(o.model_id) for o in run.outputs.model_outputs] == [model.model_id]
    assert model.params == run.data.params
    scores = {m.key: m.value for m in model.metrics}
    assert scores == {name: v for name, v in run.data.metrics.items() if name.startswith("test/")} and scores
    history = MlflowClient().get_metric_history(trained.run_id, "test/image_loss")
    assert len(history) == 1 and run.outputs.model_outputs[0].step == history[0].step


def test_the_folder_says_what_it_takes_and_holds_nothing_that_runs_when_read(trained):
    about = mlflow.models.Model.load(str(trained.folder))
    assert about.signature.inputs.input_names() == ["images", "texts"]
    assert about.signature.outputs.input_names() == ["image", "description", "note"]
    (logged,), _ = models_of(trained.run_id)
    assert (about.model_id, about.run_id) == (logged.model_id, trained.run_id)
    pins = (trained.folder / "requirements.txt").read_text().splitlines()
    assert f"torch=={torch.__version__.partition('+')[0]}" in pins and all("==" in pin for pin in pins)
    kinds = {file.suffix for file in trained.folder.rglob("*") if file.is_file()}
    assert kinds <= {"", ".json", ".yaml", ".txt", ".safetensors", ".py", ".jinja"}
    assert sum(file.stat().st_size for file in trained.folder.rglob("*")) < 4e6


def test_it_answers_as_the_run_did(trained, model, test_rows):
    written = pd.read_csv(
        mlflow.artifacts.download_artifacts(f"runs:/{trained.run_id}/descriptions/test.csv")
    )
    places = [window.rsplit(":", 1) for window in written["window"]]
    stories = [story_of(test_rows[story], int(start)) for story, start in places]
    told = model.predict(pd.DataFrame(stories))
    assert told["description"].tolist() == written["written"].tolist() and len(told) == 8
    assert len(set(told["image"])) > 1  # else nothing is compared


def test_its_picture_is_the_one_that_the_best_checkpoint_paints(trained, model, test_rows):
    config = resolve(Config, get_record(trained.run_id).params)
    stories = load_stories(config, Silent())
    best = mlflow.artifacts.download_artifacts(f"runs:/{trained.run_id}/checkpoints/best.pt")
    module = unpack(trained.folder / "data" / "model").module
    module.load_state_dict(load_checkpoint(Path(best))["module"])
    task = StoryTask(
        config, module, stories.train, stories.validation, stories.vocabulary, torch.device("cpu")
    )
    first = torch.zeros(1, dtype=torch.int64)
    (batch, _), row = (
        next(task.batches(stories.test, first)),
        test_rows[stories.test.names()[0].split(":")[0]],
    )
    painted = (task.generate(batch)[0][0].permute(1, 2, 0) * 255).round().to(torch.uint8).numpy()
    assert np.array_equal(opened(model.predict(pd.DataFrame([story_of(row)]))["image"][0]), painted)


def test_a_story_is_answered_alike_alone_and_among_others(model, test_rows):
    stories = pd.DataFrame([story_of(row) for row in list(test_rows.values())[:3]])
    together = model.predict(stories)
    assert together.equals(model.predict(stories))
    for number in range(3):
        alone = model.predict(stories[number : number + 1])
        assert alone.iloc[0].tolist() == together.iloc[number].tolist()


def test_a_picture_may_come_in_any_form(model, tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (24, 50, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    png, file = buffer.getvalue(), tmp_path / "frame.png"
    file.write_bytes(png)
    text = base64.b64encode(png).decode()
    forms = (png, bytearray(png), text, f"data:image/png;base64,{text}", file, pixels, pixels.tolist())
    forms += (Image.fromarray(pixels), pixels.astype(np.int64))
    told = model.predict(
        pd.DataFrame({"images": [[form] * 4 for form in forms], "texts": [TEXTS] * len(forms)})
    )
    assert told["image"].nunique() == 1


def small():
    return [np.full((6, 10, 3), 90, np.uint8)] * 4


def with_third(value):
    return [*small()[:2], value, *small()[3:]]


HUGE = io.BytesIO()
Image.new("1", (MOST_PIXELS // 1000 + 1, 1000)).save(HUGE, "PNG")
BAD_IMAGES = {
    "three": (small()[:3], "row 1, images: there are 3: give 4"),
    "no list": (b"x", "row 1, images: bytes b'x' is not a list: give a list of 4"),
    "missing": (with_third(None), "row 1, image 3: NoneType None is no picture: give a pathlib.Path"),
    "broken": (with_third(b"nothing"), "image 3: it is no picture that can be read: give a PNG, JPEG"),
    "huge": (
        with_third(HUGE.getvalue()),
        "image 3: 33,555 × 1,000 pixels are more than 33,554,432: make it smaller",
    ),
    "cut": (with_third(HUGE.getvalue()[:30]), "image 3: it is no picture that can be read"),
    "empty": (with_third(b""), "image 3: it is empty"),
    "text": (with_third("not base64!"), "image 3: the text 'not base64!' is no base64"),
    "no file": (with_third(Path("nowhere.png")), "nowhere.png cannot be read: No such file"),
    "grey": (with_third(np.zeros((6, 10), np.uint8)), r"pixels of shape (6, 10) are not (height, width, 3)"),
    "float": (with_third(np.zeros((6, 10, 3))), "float64 are not integers: give whole numbers from 0 to 255"),
    "bright": (with_third([[[0, 256, 0]]]), "pixels from 0 to 256 are not all from 0 to 255"),
    "ragged": (with_third([[[0, 1, 2]], [[1]]]), "its rows differ in length"),
    "no pixels": (with_third(np.zeros((0, 10, 3), np.uint8)), "pixels of shape (0, 10, 3)"),
}
BAD_TEXTS = {
    "five": (["a"] * 5, "row 1, texts: there are 5: give 4"),
    "one": ("a", "row 1, texts: str a is not a list: give a list of 4"),
    "empty": (["a", " ", "c", "d"], "row 1, text 2: it is empty: say in words"),
    "number": (["a", 7, "c", "d"], "row 1, text 2: int 7 is not text: give the frame's description"),
    "long": (["a" * (MOST_CHARACTERS + 1), "b", "c", "d"], "text 1: 10,001 characters are more than 10,000"),
    "half": (["a", "b", "c", "\ud800"], "text 4: it holds half a character"),
}


@pytest.mark.parametrize("images, told", BAD_IMAGES.values(), ids=BAD_IMAGES)
def test_a_bad_picture_is_named(model, images, told):
    with pytest.raises(MlflowException) as refused:
        model.predict(pd.DataFrame({"images": [images], "texts": [TEXTS]}))
    assert told in str(refused.value) and "the input has 1 problem:" in str(refused.value)


@pytest.mark.parametrize("texts, told", BAD_TEXTS.values(), ids=BAD_TEXTS)
def test_a_bad_text_is_named(model, texts, told):
    with pytest.raises(MlflowException) as refused:
        model.predict(pd.DataFrame({"images": [small()], "texts": [texts]}))
    assert told in str(refused.value)


def test_all_problems_come_at_once_with_their_rows():
    rows = {f"row {n}": (small(), ["a", "", "c", ""]) for n in range(1, 9)}
    with pytest.raises(
        InputError, match=r"has 16 problems(.|\n)*row 1, text 2(.|\n)*row 5, text 4(.|\n)*and 6 more"
    ):
        read_stories(rows)


def test_a_text_that_is_cut_is_told(model):
    told = model.predict(pd.DataFrame({"images": [small()], "texts": [["word " * 200, *TEXTS[1:]]]}))
    assert "of text 1 the first 120 of" in told["note"][0]


@pytest.fixture
def client(model):
    """The real scoring server's program, asked in this process."""
    from mlflow.pyfunc.scoring_server import init

    return TestClient(init(model), raise_server_exceptions=False)


def asked(images, texts=TEXTS):
    return {"dataframe_records": [{"images": images, "texts": texts}]}


def test_the_scoring_server_answers_what_the_model_answers(client, model, test_rows):
    story = story_of(next(iter(test_rows.values())))
    sent = [base64.b64encode(image).decode() for image in story["images"]]
    (told,) = client.post("/invocations", json=asked(sent, story["texts"])).json()["predictions"]
    assert told == model.predict(pd.DataFrame([story])).iloc[0].to_dict()
    assert opened(told["image"]).shape == (60, 125, 3)


def test_a_client_cannot_have_a_file_read(client, tmp_path):
    file = tmp_path / "secret.png"
    Image.new("RGB", (10, 10)).save(file)
    for address in (str(file), f"file://{file}", "secret.png", {"path": str(file)}):
        answer = client.post("/invocations", json=asked([address] * 4))
        assert answer.status_code == 400
        assert "is no base64" in answer.text or "is no picture" in answer.text
        assert "Traceback" not in answer.text


@pytest.mark.parametrize(
    "sent", [{}, [], "x", {"dataframe_records": [{}]}, {"inputs": 3}, {"dataframe_records": [3]}, asked(3, 3)]
)
def test_nonsense_is_refused_without_a_traceback(client, sent):
    answer = client.post("/invocations", json=sent)
    assert answer.status_code == 400 and "Traceback" not in answer.text


ALONE = """
import sys, mlflow, json
assert not any(name.split(".")[0] == "ablation" for name in sys.modules)
model = mlflow.pyfunc.load_model(sys.argv[1], suppress_warnings=True)
import ablation
told = model.predict(model.input_example)
print(json.dumps([ablation.__file__, told.iloc[0].to_dict()]))
"""


def test_it_loads_where_this_project_is_not(trained, model, tmp_path):
    environment = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "ABLATION_CACHE")}
    environment |= {"MLFLOW_TRACKING_URI": trained.uri, "HOME": str(tmp_path)}
    (logged,), _ = models_of(trained.run_id)
    words = [sys.executable, "-P", "-c", ALONE, f"models:/{logged.model_id}"]
    done = subprocess.run(words, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    place, told = json.loads(done.stdout.splitlines()[-1])
    assert "/code/ablation/" in place and told == model.predict(model.input_example).iloc[0].to_dict()


@pytest.mark.slow
def test_it_is_served_as_the_page_says(trained, model, tmp_path):
    port = free_port()
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    environment |= {"MLFLOW_TRACKING_URI": trained.uri}
    words = ["models", "serve", "-m", f"runs:/{trained.run_id}/storyteller", "--env-manager", "local"]
    command = [sys.executable, "-P", "-m", "mlflow", *words, "--port", str(port)]
    environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{environment['PATH']}"
    with (tmp_path / "log").open("w") as log:
        process = subprocess.Popen(
            command, cwd=tmp_path, env=environment, stdout=log, stderr=log, start_new_session=True
        )
    try:
        wait_until(lambda: answers(f"http://127.0.0.1:{port}/health"))
        sent = ["-H", "Content-Type: application/json", "-d", f"@{trained.folder}/serving_input_example.json"]
        curl = ["curl", "-s", f"http://127.0.0.1:{port}/invocations", *sent]
        (told,) = json.loads(subprocess.run(curl, capture_output=True, check=True).stdout)["predictions"]
        assert told == model.predict(model.input_example).iloc[0].to_dict()
    finally:
        os.killpg(process.pid, 15)
        process.wait()


@pytest.fixture
def telling(store, world):
    """A run with a model in its journal; `again` tells all of it once more."""
    task, stories = task_of(world)
    run = MlflowRun.start("a run", {"kind": "train"})
    run.log_metrics({"test/image_loss": 0.5, "val/image_loss": 0.6}, 2)
    log_storyteller(task.config, task.module, stories.tokenizer, run, 2)
    yield run
    run.close()


def everything_about(run_id):
    models, run = models_of(run_id)
    client = MlflowClient()
    history = {n: len(client.get_metric_history(run_id, n)) for n in run.data.metrics}
    about = [(m.model_id, m.status, sorted((x.key, x.value) for x in m.metrics)) for m in models]
    return about, [o.model_id for o in run.outputs.model_outputs], history


def entry_of(run):
    (entry,) = [entry for entry in run.delivery.journal.entries if entry.call == "model"]
    return entry


def test_a_model_that_is_told_twice_is_there_once(telling, monkeypatch):
    monkeypatch.setattr(Journal, "take", lambda self, entry: setattr(self, "done", entry.number + 1))
    telling.settle()
    before = everything_about(telling.run_id)
    assert before[0][0][1:] == ("READY", [("test/image_loss", 0.5)]) and before[2]["test/image_loss"] == 1
    Sender(MlflowClient(), telling.run_id).send(entry_of(telling))
    assert everything_about(telling.run_id) == before


@pytest.mark.parametrize("step", ["log_model_artifacts", "log_outputs", "log_batch", "finalize_logged_model"])
def test_one_whose_telling_broke_off_is_told_to_its_end(telling, monkeypatch, step):
    monkeypatch.setattr(Journal, "take", lambda self, entry: setattr(self, "done", entry.number + 1))
    telling.settle()
    (first,), run = models_of(telling.run_id)
    MlflowClient().delete_logged_model(first.model_id)
    client = MlflowClient()
    with monkeypatch.context() as broken, pytest.raises(ConnectionError):

        def fail(*_, **__):
            raise ConnectionError

        broken.setattr(client, step, fail)
        Sender(client, telling.run_id).send(entry_of(telling))
    (unfinished,), _ = models_of(telling.run_id)
    assert unfinished.status == "PENDING"
    Sender(MlflowClient(), telling.run_id).send(entry_of(telling))
    (model,), run = models_of(telling.run_id)
    assert (model.model_id, model.status) == (unfinished.model_id, "READY")
    assert [o.model_id for o in run.outputs.model_outputs].count(model.model_id) == 1
    mlflow.pyfunc.load_model(f"models:/{model.model_id}", suppress_warnings=True)


def test_another_model_of_the_same_run_takes_its_place(telling, world):
    task, stories = task_of(world)
    with torch.no_grad():
        task.module.to_hidden.bias += 1
    log_storyteller(task.config, task.module, stories.tokenizer, telling, 3)
    telling.finish()
    (model,), run = models_of(telling.run_id)
    assert [output.step for output in run.outputs.model_outputs if output.model_id == model.model_id] == [3]


def test_what_a_dead_process_left_is_delivered_with_its_model(store, world):
    task, stories = task_of(world)
    run = MlflowRun.start("a run", {"kind": "train"})
    run.settle()
    run.close()
    run.delivery.thread.join()
    run.delivery.put = run.delivery.journal.append  # as if the server were away
    log_storyteller(task.config, task.module, stories.tokenizer, run, 1)
    left_by_a_dead_process(run)
    assert not models_of(run.run_id)[0] and "1 entries delivered" in deliver(run.run_id)
    (model,), _ = models_of(run.run_id)
    assert model.status == "READY" and not any((run.folder / "journal" / "files").iterdir())


def test_one_that_reads_sentences_takes_the_encoder_along(encoder, world, tmp_path):  # noqa: F811
    task, stories = task_of(world, text_encoder="minilm", sentence_model=encoder)
    pack(tmp_path / "model", task.config, task.module, stories.tokenizer)
    loaded = unpack(tmp_path / "model")
    assert loaded.config.sentence_model == str(tmp_path / "model" / "sentence_encoder")
    (story,) = read_stories({"row 1": (small(), TEXTS)})
    moved = replace(loaded.config, sentence_model=encoder)
    there = type(loaded)(moved, task.module, stories.tokenizer, load_encoder(encoder))
    loaded_told, told = loaded.answer(story), there.answer(story)
    assert loaded_told.description == told.description
    assert np.array_equal(np.asarray(loaded_told.frame), np.asarray(told.frame))


def test_one_that_reads_sentences_answers_when_its_folder_is_gone(encoder, world, tmp_path, monkeypatch):  # noqa: F811
    """`predict` and `try` bring a model from the tracker to a folder that they remove."""
    task, stories = task_of(world, text_encoder="minilm", sentence_model=encoder)

    def found(wanted, beside):
        pack(beside / "model", task.config, task.module, stories.tokenizer)
        return FoundModel(beside / "model", "a model")

    monkeypatch.setattr(opening, "find_model", found)
    predictor, _ = opening.open_model(str(tmp_path))
    (story,) = read_stories({"row 1": (small(), TEXTS)})
    assert predictor.answer(story).frame.size == (125, 60)


@pytest.mark.parametrize(
    "image, told",
    [
        (Image.new("I;16", (9, 9), 40_000), "its mode I;16 has more than 8 bits a channel"),
        (Image.new("F", (9, 9), 0.5), "its mode F has more than 8 bits a channel"),
        (Image.new("RGB", (0, 10)), "a picture of 0 × 10 pixels shows nothing"),
    ],
)
def test_a_strange_pillow_picture_is_named(image, told):
    with pytest.raises(InputError, match=told):
        read_stories({"row 1": ([image] * 4, TEXTS)})


def test_a_number_as_an_array_is_no_list_of_pictures():
    with pytest.raises(InputError, match="is not a list: give a list of 4"):
        read_stories({"row 1": (np.array(5), TEXTS)})


def test_the_same_model_is_packed_to_the_same_bytes(world, tmp_path):
    task, stories = task_of(world)
    for name in ("a", "b"):
        pack(tmp_path / name, task.config, task.module, stories.tokenizer)
    files = [sorted(f.relative_to(tmp_path / n) for f in (tmp_path / n).rglob("*")) for n in ("a", "b")]
    assert files[0] == files[1]
    for file in (f for f in files[0] if (tmp_path / "a" / f).is_file()):
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()


def test_weights_that_the_disk_refuses_are_an_error_of_the_system(tmp_path):
    with pytest.raises(OSError) as refused:
        write_weights(torch.nn.Linear(2, 2), tmp_path / "nowhere" / "weights")
    assert refused.value.errno == errno.ENOENT and refused.value.filename.endswith("weights")


@pytest.mark.parametrize(
    "file, content, told",
    [
        ("model.json", '{"format": 2, "config": {}}', "has format 2, and this version reads 1"),
        ("model.json", "[]", "holds no model of this project"),
        ("weights.safetensors", "nothing", "is not whole"),
        ("tokenizer/tokenizer.json", "{", "is not whole"),
    ],
)
def test_a_broken_model_is_named(trained, tmp_path, file, content, told):
    shutil.copytree(trained.folder / "data" / "model", tmp_path / "model")
    (tmp_path / "model" / file).write_text(content)
    with pytest.raises(AblationError, match=told):
        unpack(tmp_path / "model")
