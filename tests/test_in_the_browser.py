"""What people see in the MLflow UI, in a real browser: a small real study as plain `mlflow ui` shows it."""

import os
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml
from mlflow import MlflowClient

from ablation.commands.study_tags import verdict_tag
from ablation.track.views import study_views
from tests.browser import NARROW, PATIENCE, WIDE, chromium, executable, mlflow_ui
from tests.test_study import STUDY

pytestmark = pytest.mark.browser
ROOT = Path(__file__).parents[1]
PRINTED = re.compile(r"http://127\.0\.0\.1:5000/(#/\S+)")
(VIEW, _) = study_views("0" * 32, "small", verdict_tag("small"), "place")
COLUMNS = [column.split("`")[1] for column in VIEW.state()["selectedColumns"]]


@pytest.fixture(scope="module")
def study(tmp_path_factory, world):
    """Three arms with two seeds: the server's address, what the command printed, and runs by their names."""
    executable()
    folder = tmp_path_factory.mktemp("study")
    (folder / "small.yaml").write_text(yaml.safe_dump(STUDY, sort_keys=False))
    command = [sys.executable, "-m", "ablation", "study", "--study", "small.yaml", "--seeds", "2"]
    done = subprocess.run(
        [*command, "--dataset", str(world)],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    table, page = PRINTED.findall(done.stdout)
    client = MlflowClient(f"sqlite:///{folder}/mlflow.db")
    runs = {run.info.run_name: run.info.run_id for run in client.search_runs(["1"])}
    with mlflow_ui(folder) as server:
        yield SimpleNamespace(uri=server.uri, table=table, page=page, runs=runs)


def run_page(study, name, tab=""):
    return f"{study.uri}/#/experiments/1/runs/{study.runs[name]}{tab}?workflowType=machine_learning"


def shown_rows(page) -> list[str]:
    """The names of the runs in the table, from above."""
    page.locator("[role=row] a[href*='/runs/']").first.wait_for()
    return page.locator("[role=row] a[href*='/runs/']").all_inner_texts()


def followed(page, link: str):
    """What a link in a description opens: a page of its own."""
    with page.context.expect_page() as opened:
        page.get_by_role("link", name=link).click()
    opened.value.set_default_timeout(PATIENCE)
    return opened.value


def test_the_printed_link_opens_the_study_with_its_columns(study):
    with chromium(2400) as page:
        page.goto(f"{study.uri}/{study.table}")
        assert shown_rows(page) == [
            "study small",
            "Basecase",
            "Basecase-s1",
            "norm",
            "norm-s1",
            "wide",
            "wide-s1",
        ]
        heads = page.locator("[role=columnheader]").all_inner_texts()
        assert all(any(column == head.strip() for head in heads) for column in COLUMNS), heads
        assert page.get_by_text("invalid: not learning", exact=True).count() == 4
        assert page.get_by_text("None of the 3 models learned").is_visible()


@pytest.mark.parametrize("view, first", [("runs", "wide-s1"), ("arms", "Basecase")])
def test_the_other_views_open_too(study, view, first):
    key = study.table.rpartition("=")[2] if view == "arms" else ""
    there = (
        study.table.removesuffix(key) + f"{key}-arms" if key else re.sub(r"study-\w+$", "runs", study.table)
    )
    with chromium(WIDE) as page:
        page.goto(f"{study.uri}/{there}")
        assert shown_rows(page)[0] == first
        assert page.get_by_text("Group: norm").count() == (view == "arms")
        page.get_by_text("test/image_loss").first.wait_for()


def test_two_runs_compare(study):
    with chromium(WIDE) as page:
        page.goto(f"{study.uri}/{study.table}")
        shown_rows(page)
        for name in ("Basecase", "norm"):
            row = page.locator("[role=row]").filter(has=page.get_by_text(name, exact=True)).first
            number = row.get_attribute("row-index")
            page.locator(f"[role=row][row-index='{number}'] input[type=checkbox]").first.check()
        page.get_by_role("button", name="Compare").click()
        page.get_by_text("Comparing 2 Runs").first.wait_for()
        page.get_by_text("latent_norm").first.wait_for()


def test_the_charts_begin_with_the_few_that_tell_most_and_pictures_have_a_step_slider(study):
    with chromium(WIDE, height=2400) as page:
        page.goto(f"{study.uri}/{study.table}&compareRunsMode=CHART")
        page.get_by_text("at a glance").wait_for()
        page.get_by_text("train/total_loss vs val/total_loss").wait_for()
        assert page.get_by_text("gradient_norm_visual").count() == 0
        page.get_by_text("predictions/val").first.scroll_into_view_if_needed()
        picture = page.locator("img[src*='compressed.webp']").first
        picture.wait_for()
        page.wait_for_function("e => e.naturalWidth > 300", arg=picture.element_handle())
        assert "step%2B0%2B" in picture.get_attribute("src")
        slider = page.locator("[role=slider]").first
        slider.focus()
        slider.press("ArrowRight")
        page.locator("img[src*='step%2B1%2B']").first.wait_for()


@pytest.mark.parametrize("width", [WIDE, NARROW])
def test_a_run_has_its_page(study, width):
    with chromium(width) as page:
        page.goto(run_page(study, "norm-s1"))
        page.get_by_text("On test: image").wait_for()
        page.get_by_text("Show more", exact=True).click()
        assert page.get_by_text("python -m ablation main").is_visible()
        pictures = followed(page, "pictures")
        pictures.get_by_text("epoch-02-val.png").first.click()
        shown = pictures.locator("img").last
        pictures.wait_for_function("e => e.naturalWidth > 1500", arg=shown.element_handle())


def test_the_studys_page_answers_and_leads_to_its_runs(study):
    with chromium(WIDE) as page:
        page.goto(f"{study.uri}/{study.page}")
        page.get_by_text("Does the norm matter?").wait_for()
        assert shown_rows(followed(page, "Its runs as a table"))[:2] == ["study small", "Basecase"]
        report = followed(page, "report with curves and pictures")
        report.frame_locator("iframe").get_by_text("Does the norm matter?").first.wait_for()


def test_data_set_and_code_stand_beside_the_run(study):
    with chromium(1900) as page:
        page.goto(run_page(study, "Basecase"))
        page.get_by_text("Datasets", exact=True).wait_for()
        assert page.get_by_text(re.compile(r"^stories \(")).is_visible()
        assert page.get_by_text("__main__.py").is_visible()
