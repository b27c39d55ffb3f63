"""What the MLflow UI is told: views, tags on other runs, pictures under the step slider, pages of runs that ended."""

import json
import logging

import pytest
from mlflow import MlflowClient
from PIL import Image

from ablation.errors import AblationError
from ablation.track.left_behind import mark_dead_runs
from ablation.track.mlflow_run import NOTE_TAG, MlflowRun, closing
from ablation.track.views import View, runs_view, study_views, was_edited
from tests.test_tracked_run import left_by_a_dead_process


@pytest.fixture
def run(store):
    return MlflowRun.start("a run", {"kind": "train"})


def view_text(run):
    return MlflowClient().get_experiment(run.experiment_id).tags.get(runs_view().tag)


def note(run):
    return MlflowClient().get_run(run.run_id).data.tags[NOTE_TAG]


def test_a_view_is_written_once_and_fits_into_a_tag(run):
    run.save_view(runs_view())
    run.settle()
    first = view_text(run)
    state = json.loads(json.loads(first)["state"])
    assert (
        state["searchFilter"] == "tags.kind = 'train'"
        and "metrics.`val/total_loss`" in state["selectedColumns"]
    )
    assert list(state["columnWidths"]) == state["columnOrder"][1:] == state["selectedColumns"]
    run.save_view(runs_view())
    run.finish()
    assert view_text(run) == first and not was_edited(first)
    longest = study_views("0" * 32, "n" * 100, "verdict." + "n" * 100, "place." + "0" * 14)
    assert all(len(view.text(10**13)) < 20_000 for view in longest)


def test_a_view_that_someone_changed_stays(run):
    about = json.loads(runs_view().text(5)) | {"updatedAt": 6, "name": "mine"}
    MlflowClient().set_experiment_tag(run.experiment_id, runs_view().tag, json.dumps(about))
    run.save_view(runs_view())
    run.finish()
    assert json.loads(view_text(run))["name"] == "mine"


def test_the_columns_and_the_chart_sections_are_those_that_tell_what_was_asked():
    runs, arms = study_views("0" * 32, "name", "verdict.name", "place.00000000")
    losses = [
        f"metrics.`{split}/{part}_loss`" for split in ("val", "test") for part in ("image", "text", "total")
    ]
    floors = [f"metrics.`floor/test_{name}`" for name in ("image_median", "text_unigram")]
    spread = [f"metrics.`health/test_{whose}_spread`" for whose in ("prediction", "target")]
    numbers = {*losses, *floors, *spread}
    about = {"tags.`arm`", "params.`seed`", "params.`latent_dim`"}
    assert set(runs.columns) == {*numbers, *about, "tags.`verdict.name`"}
    assert set(runs_view().columns) == {*numbers, *about, "tags.`verdict`", "tags.`study`"}
    assert set(arms.columns) == numbers and arms.group == "arm"
    short, long = (
        study_views("0" * 32, "name", "v", "p", [name])[0] for name in ("a", "an arm of a long name")
    )
    names = [view.state()["columnWidths"]["attributes.`Run Name`"] for view in (short, long)]
    assert 150 < names[0] < names[1] < 300
    for view in (runs, arms, runs_view()):
        sections = [section["name"] for section in view.state()["compareRunSections"]]
        assert {"train", "val", "test", "floor", "health"} <= set(sections)


@pytest.mark.parametrize("text", [None, "", "{", "[]", "null", '{"name": 1}'])
def test_what_is_no_view_is_written_over(run, text):
    if text is not None:
        MlflowClient().set_experiment_tag(run.experiment_id, runs_view().tag, text)
    run.save_view(runs_view())
    run.finish()
    assert json.loads(view_text(run))["name"] == "training runs"


def test_what_the_tracker_refuses_of_the_ui_does_not_end_a_run(run, caplog):
    with caplog.at_level(logging.WARNING, "ablation"):
        run.save_view(View("k" * 300, "too long a name", "", []))
        run.tag_run("0" * 32, {"verdict": "differs"})
        run.finish()
    assert MlflowClient().get_run(run.run_id).info.status == "FINISHED"
    told = [record.getMessage() for record in caplog.records]
    assert "too long a name" in told[0] and "0" * 32 in told[1]


def test_a_picture_logged_again_takes_the_place_of_the_first(run):
    picture, small = Image.new("RGB", (80, 40), "red"), Image.new("RGB", (40, 20), "red")
    run.log_step_picture(picture, small, "predictions/val", 0)
    run.settle()
    run.close()
    again = MlflowRun.reopen(run.run_id)
    again.log_step_picture(picture, small, "predictions/val", 0)
    again.log_step_picture(picture, small, "predictions/val", 1)
    again.finish()
    names = sorted(f.path for f in MlflowClient().list_artifacts(run.run_id, "images"))
    assert len(names) == 4 and all(name.startswith("images/predictions~val+step+") for name in names)
    assert [name.split("+")[2] for name in names] == ["0", "0", "1", "1"]
    assert sum(name.endswith("+compressed.webp") for name in names) == 2
    assert MlflowClient().get_run(run.run_id).data.tags["mlflow.loggedImages"] == "True"


@pytest.mark.parametrize("error, status", [(AblationError, "FAILED"), (KeyboardInterrupt, "KILLED")])
def test_what_ended_a_run_stands_above_its_page_and_goes_when_it_ends_otherwise(run, error, status):
    with pytest.raises(error), closing(run):
        run.describe("**a run**\n\nwith a page")
        raise error("the disk is full")
    page = note(run)
    assert page.startswith(f"**{status}**: ") and page.endswith("\n\n**a run**\n\nwith a page")
    again = MlflowRun.reopen(run.run_id)
    again.fail("something else")
    assert note(run) == "**FAILED**: something else\n\n**a run**\n\nwith a page"
    last = MlflowRun.reopen(run.run_id)
    last.describe("its outcome")
    last.finish()
    assert note(run) == "its outcome"


def test_the_page_of_a_run_whose_process_died_says_so(run):
    run.describe("a page")
    run.settle()
    left_by_a_dead_process(run)
    mark_dead_runs(lambda said: None)
    assert note(run).startswith("**KILLED**: its process died") and note(run).endswith("\n\na page")
