"""The command `predict`: from pictures and texts in a folder to the fifth frame."""

import shutil
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
import pytest
from mlflow import MlflowClient
from PIL import Image

from ablation.world.example import example_story
from tests.test_served_model import opened


def write_story(folder, number=0, together=False):
    """Four frames and texts of the embedded world, as a user would lay them down."""
    folder.mkdir(parents=True)
    frames, texts = example_story(number=number)
    for place, frame in enumerate(frames, start=1):
        (folder / f"{place}.jpg").write_bytes(frame)
        if not together:
            (folder / f"{place}.txt").write_text(texts[place - 1])
    if together:
        (folder / "texts.txt").write_text("\n".join(texts) + "\n\n")
    return folder, frames, texts


@pytest.fixture
def predict(command, trained):
    def run(*words):
        return command("predict", *words)

    return run


def test_without_a_word_it_asks_the_newest_run_about_an_example(predict, trained):
    code, out, err = predict()
    assert code == 0, err
    made = {file.name for file in Path("prediction").iterdir()}
    assert made == {"5.png", "5.txt", "strip.png"} | {
        f"{n}.{kind}" for n in range(1, 5) for kind in ("jpg", "txt")
    }
    assert f"the model of run {trained.run_id}" in out and "the newest finished one" in out
    assert "prediction/5.png" in out and "--input FOLDER" in out and "python -m ablation try" in out
    before = Path("prediction/5.png").read_bytes(), Path("prediction/5.txt").read_text()
    code, out, _ = predict("--input", "prediction", "--out", "again")  # the example is a story folder itself
    assert code == 0 and "--input FOLDER" not in out
    assert (Path("again/5.png").read_bytes(), Path("again/5.txt").read_text()) == before


@pytest.mark.parametrize("together", [False, True], ids=["four texts", "one file"])
def test_it_answers_as_the_served_model_does(predict, trained, tmp_path, together):
    folder, frames, texts = write_story(tmp_path / "mine", 1, together)
    assert predict("--input", folder, "--out", "made")[0] == 0
    model = mlflow.pyfunc.load_model(str(trained.folder), suppress_warnings=True)
    told = model.predict(pd.DataFrame({"images": [frames], "texts": [texts]}))
    assert Path("made/5.txt").read_text() == told["description"][0] + "\n"
    assert np.array_equal(np.asarray(Image.open("made/5.png")), opened(told["image"][0]))


def test_the_strip_shows_the_frames_as_the_model_saw_them_and_its_answer(predict, tmp_path):
    folder, _, _ = write_story(tmp_path / "mine", 2)
    predict("--input", folder, "--out", "made")
    strip, answer = np.asarray(Image.open("made/strip.png")), np.asarray(Image.open("made/5.png"))
    enlarged = answer.repeat(3, axis=0).repeat(3, axis=1)
    height, width = enlarged.shape[:2]
    assert np.array_equal(strip[78 : 78 + height, -16 - width : -16], enlarged)
    assert strip.shape[1] == 5 * (width + 20) - 20 + 32


def test_a_folder_of_stories_gives_a_folder_of_answers(predict, tmp_path):
    for number, name in enumerate(("beach", "office")):
        write_story(tmp_path / "all" / name, number)
    code, out, _ = predict("--input", tmp_path / "all", "--out", "made")
    assert code == 0 and "2 stories" in out
    assert {file.relative_to("made").as_posix() for file in Path("made").rglob("*.*")} == {
        f"{story}/{name}" for story in ("beach", "office") for name in ("5.png", "5.txt", "strip.png")
    }
    assert Path("made/beach/5.png").read_bytes() != Path("made/office/5.png").read_bytes()


def test_a_folder_of_stories_that_is_answered_into_itself_is_answered_again(predict, tmp_path, monkeypatch):
    """What was written is no story; nor is a folder a picture because its name begins like one."""
    for number, name in enumerate(("1. Intro", "2. Chase")):
        write_story(tmp_path / "all" / name, number)
    (tmp_path / "all" / ".git").mkdir()
    monkeypatch.chdir(tmp_path / "all")
    for _ in range(2):
        code, out, err = predict("--input", ".")
        assert code == 0 and "2 stories" in out, err


def test_stories_that_are_links_keep_the_names_that_they_have_here(predict, tmp_path):
    for number, name in enumerate(("a", "b")):
        write_story(tmp_path / "elsewhere" / name / "story", number)
        (tmp_path / "all").mkdir(exist_ok=True)
        (tmp_path / "all" / name).symlink_to(tmp_path / "elsewhere" / name / "story")
    assert predict("--input", tmp_path / "all", "--out", "made")[0] == 0
    assert {file.parent.name for file in Path("made").rglob("5.png")} == {"a", "b"}


@pytest.mark.parametrize(
    "form", ["{run}", "runs:/{run}/storyteller", "models:/{model}", "{model}", "{folder}", "models:/best@top"]
)
def test_a_model_has_many_names(predict, trained, form):
    client = MlflowClient()
    run = client.get_run(trained.run_id)
    (model,) = client.search_logged_models([run.info.experiment_id])
    if form.startswith("models:/best"):
        client.create_registered_model("best")
        version = client.create_model_version("best", f"models:/{model.model_id}", model_id=model.model_id)
        client.set_registered_model_alias("best", "top", version.version)
    name = form.format(run=trained.run_id, model=model.model_id, folder=trained.folder)
    code, out, err = predict("--model", name)
    assert code == 0 and name.removeprefix("runs:/")[:32] in out, err


BAD_FOLDERS = {
    "nowhere": (
        lambda folder: shutil.rmtree(folder),
        "is not a folder: give one with 1.jpg … 4.jpg and 1.txt … 4.txt",
    ),
    "empty": (lambda folder: [f.unlink() for f in folder.iterdir()], "holds no story: put in 1.jpg"),
    "no third": (lambda folder: (folder / "3.jpg").unlink(), "mine: picture 3 is missing: name it 3.jpg"),
    "two": (
        lambda folder: (folder / "2.png").write_bytes(b""),
        "2.jpg and 2.png are both picture 2: keep one",
    ),
    "no text": (
        lambda folder: (folder / "4.txt").unlink(),
        "mine: 4.txt missing: write each frame's description",
    ),
    "three lines": (
        lambda folder: (folder / "texts.txt").write_text("a\nb\n\nc"),
        "texts.txt has 3 lines with words: give 4",
    ),
    "broken": (
        lambda folder: (folder / "1.jpg").write_bytes(b"no"),
        "mine, image 1: it is no picture that can be read",
    ),
    "empty text": (
        lambda folder: (folder / "1.txt").write_text(" \n"),
        "mine, text 1: it is empty: say in words",
    ),
    "other code": (
        lambda folder: (folder / "1.txt").write_bytes(b"ab\xff"),
        "1.txt: byte 2 is not UTF-8: save it as UTF-8",
    ),
    "book": (
        lambda folder: (folder / "1.txt").write_text("a" * 10_001),
        "text 1: 10,001 characters are more than 10,000",
    ),
    "library": (
        lambda folder: (folder / "1.txt").write_text("a" * 200_000),
        "200,000 bytes are more than a description",
    ),
}


@pytest.mark.parametrize("spoil, told", BAD_FOLDERS.values(), ids=BAD_FOLDERS)
def test_a_folder_that_is_no_story_is_named(predict, tmp_path, spoil, told):
    folder, _, _ = write_story(tmp_path / "mine")
    spoil(folder)
    code, _, err = predict("--input", folder)
    assert code == 1 and told in err and "Traceback" not in err and not Path("prediction").exists()


def test_the_problems_of_all_stories_are_told_at_once(predict, tmp_path):
    for name in ("a", "b"):
        write_story(tmp_path / "all" / name)
    (tmp_path / "all" / "a" / "1.jpg").unlink()
    (tmp_path / "all" / "b" / "2.txt").write_text("")
    code, _, err = predict("--input", tmp_path / "all")
    assert code == 1 and "the input has 2 problems" in err and "a: picture 1" in err and "b, text 2" in err


@pytest.mark.parametrize(
    "model, told",
    [
        ("ResNet16", "model=ResNet16 names no model: give a run id, models:/NAME@ALIAS"),
        ("0" * 32, "not found"),
        ("models:/none@best", "there is no such model"),
        ("m-" + "0" * 32, "there is no such model"),
        (".", "is no folder with a model of this project"),
    ],
)
def test_a_model_that_is_not_there_is_named(predict, model, told):
    code, _, err = predict("--model", model)
    assert code == 1 and told in err and "Traceback" not in err


def test_where_no_run_is_finished_it_says_how_to_train_one(command, store):
    code, _, err = command("predict")
    assert code == 1 and "there is no finished run" in err and "python -m ablation cured" in err


def test_a_run_without_a_model_is_named(command, store):
    for number in (1, 2):
        run = MlflowClient().create_run("0", number, {"kind": "train"}, f"old {number}")
        MlflowClient().set_terminated(run.info.run_id, end_time=10 * number)
    code, _, err = command("predict")
    assert code == 1 and "none of the 2 finished runs has a model" in err
    code, _, err = command("predict", "--model", run.info.run_id)
    assert code == 1 and f"run {run.info.run_id} (old 2, FINISHED) has no model storyteller" in err


def test_a_folder_that_cannot_be_written_is_named(predict, tmp_path):
    (tmp_path / "file").write_text("taken")
    for place, why in {tmp_path / "file": "cannot be a folder", "/proc": "cannot be written to"}.items():
        code, _, err = predict("--out", place)
        assert code == 1 and f"out={place} {why}" in err and "Name another folder" in err


def test_a_folder_whose_model_lies_elsewhere_is_refused(predict, trained, tmp_path):
    shutil.copytree(trained.folder, tmp_path / "model")
    about = (tmp_path / "model" / "MLmodel").read_text()
    (tmp_path / "model" / "MLmodel").write_text(
        about.replace("data: data/model", f"data: {trained.folder}/data/model")
    )
    code, _, err = predict("--model", tmp_path / "model")
    assert code == 1 and "is no folder with a model of this project" in err
