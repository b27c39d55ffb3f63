"""Which runs count, and in what order they stand."""

from dataclasses import dataclass, field

import pandas as pd
import pytest

from ablation.analyse.summary import arm_loss_summary, results_table, select_runs, unlike
from ablation.analyse.tables import (
    RESULTS_COLUMNS,
    file_names,
    loss_summary,
    loss_summary_csv,
    results_csv,
    results_page,
)
from ablation.config.config import Config


@dataclass
class Run:
    run_id: str
    config: Config
    status: str = "FINISHED"
    started: int = 0
    data: str = "d1"
    name: str = ""
    extra: dict = field(default_factory=dict)
    metrics: dict = field(default_factory=lambda: {"train/total_loss": 1.0})
    without: str = ""

    @property
    def params(self):
        return {name: text for name, text in self.config.texts().items() if name != self.without}

    @property
    def tags(self):
        return {
            "arm": self.config.arm,
            "config_hash": self.config.hash(),
            "data_hash": self.data,
            **self.extra,
        }


def published() -> list[Run]:
    arms = [(128, 10), (32, 5), (128, 5), (64, 5), (16, 5)]
    runs = [Run(f"r{w}-{e}", Config(latent_dim=w, epochs=e)) for w, e in arms]
    return [*runs, Run("base", Config(visual="basecase"))]


def test_the_published_order():
    selection = select_runs(published())
    history = lambda run, name: {1: 2.0, 2: 1.0}  # noqa: E731
    summaries = {arm: arm_loss_summary(runs, history) for arm, runs in selection.arms.items()}
    table = results_table(selection, summaries)
    assert table["Model"].tolist() == [
        "Basecase",
        "ResNet16",
        "ResNet32",
        "ResNet64",
        "ResNet128",
        "ResNet128",
    ]
    assert list(selection.arms)[-2:] == ["ResNet128", "ResNet128-e10"]
    assert results_csv(table).splitlines()[1] == "Basecase,2,1.0000,1.0000,1.0000,1.0000"


def test_only_finished_runs_on_the_newest_data_count_once_each():
    config = Config()
    runs = [
        Run("old data", config, started=1, data="d0"),
        Run("first", config, started=2),
        Run("second", config, started=3),
        Run("other seed", Config(seed=1), started=4),
        Run("failed", config, status="FAILED", started=5, extra={"failure": "boom\nmore"}),
        Run("running", config, status="RUNNING", started=6),
    ]
    selection = select_runs(runs)
    assert [run.run_id for run in selection.arms["ResNet16"]] == ["second", "other seed"]
    reasons = {run.run_id: reason for run, reason in selection.left_out}
    assert reasons["failed"] == "is FAILED: boom" and reasons["running"] == "is RUNNING"
    assert reasons["first"].startswith("repeats second") and "other data" in reasons["old data"]


def test_finished_runs_of_another_program_are_left_out_and_told():
    runs = [
        Run("ours", Config(), started=1),
        Run("no losses", Config(), started=2, metrics={"accuracy": 0.9}),
        Run("no seed", Config(), started=3, without="seed"),
        Run("no width", Config(), started=4, without="latent_dim"),
    ]
    selection = select_runs(runs)
    assert [run.run_id for run in selection.arms["ResNet16"]] == ["ours"]
    assert [(run.run_id, reason) for run, reason in selection.left_out] == [
        ("no losses", "has no metric train/total_loss, so it is not of this program"),
        ("no seed", "has no param seed, so it is not of this program"),
        ("no width", "has no param latent_dim, so it is not of this program"),
    ]


def test_arms_that_capital_letters_tell_apart_have_files_of_their_own():
    names = file_names(["ResNet16", "x=Foo", "x=foo"])
    assert (
        names["ResNet16"] == "resnet16" and names["x=Foo"] == "x=foo" and names["x=foo"].startswith("x=foo-")
    )


def test_a_page_leaves_names_as_they_are():
    """A learning rate is a name here, and a mark of Markdown stands in none of ours."""
    row = dict.fromkeys(RESULTS_COLUMNS, 0.25) | {"Model": "5e-05", "Epoch": 5}
    page = results_page(pd.DataFrame([row, row | {"Model": "a|b"}]), "github")
    assert "| 5e-05" in page and "0.2500" in page and "a\\|b" in page


@pytest.mark.parametrize(
    "tag, told",
    [
        ("code_hash", "is of other code"),
        ("environment_hash", "ran with other package versions"),
        ("tokenizer_hash", "reads its texts with another tokenizer"),
        ("folders_hash", "was given another tokenizer or sentence model"),
    ],
)
def test_runs_of_other_code_or_packages_are_not_averaged(tag, told):
    runs = [
        Run("old, seed 1", Config(seed=1), started=1, extra={tag: "a"}),
        Run("new, seed 1", Config(seed=1), started=2, extra={tag: "b"}),
        Run("old again", Config(seed=1), started=3, extra={tag: "a"}),
        Run("new, seed 0", Config(seed=0), started=4, extra={tag: "b"}),
        Run("another arm", Config(latent_dim=32), started=0, extra={tag: "a"}),
    ]
    selection = select_runs(runs)
    assert [run.run_id for run in selection.arms["ResNet16"]] == ["new, seed 1", "new, seed 0"]
    assert [run.run_id for run in selection.arms["ResNet32"]] == ["another arm"]
    reasons = {run.run_id: reason for run, reason in selection.left_out}
    assert reasons == dict.fromkeys(["old, seed 1", "old again"], f"{told} than new, seed 0 (a)")


def test_what_the_rows_do_not_share_is_told():
    runs = [
        Run("a", Config(), extra={"code_hash": "new"}),
        Run("b", Config(latent_dim=32), extra={"code_hash": "old"}),
        Run("c", Config(latent_dim=64), extra={"code_hash": "new"}),
    ]
    assert unlike(select_runs(runs)) == [
        "these rows are of different code and compare with care: ResNet16, ResNet64 against ResNet32"
    ]
    assert unlike(select_runs(runs[::2])) == []


def test_a_loss_summary_is_the_mean_over_the_runs_of_an_arm():
    values = {"a": {1: 1.0, 2: 3.0}, "b": {1: 2.0, 2: 5.0}}
    table = arm_loss_summary([Run("a", Config()), Run("b", Config(seed=1))], lambda run, name: values[run])
    assert table["Epoch"].tolist() == [1, 2] and table["Text Loss"].tolist() == [1.5, 4.0]


def test_a_loss_that_was_not_logged_is_empty_and_never_zero():
    table = loss_summary({"train/total_loss": {1: 0.5}, "train/image_loss": {1: 0.25}})
    assert loss_summary_csv(table) == (
        "Epoch,Total Loss,Image Loss,Context Loss,Text Loss\n1,0.500000,0.250000,,\n"
    )
    assert pd.isna(table["Context Loss"][0])


def test_figures_without_a_study_are_refused(command, store):
    code, _, err = command("summary", "--figures", "true")
    assert code == 2 and "figures=true draws a study: name one with study" in err
