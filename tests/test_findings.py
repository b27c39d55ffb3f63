"""README's tables of what `causes` and `published` found: judged anew from the files of `summary`, and by hand the same."""

import json
import shlex
from pathlib import Path

import pandas as pd
import pytest
from PIL import Image

from ablation.analyse.gate import is_collapsed
from ablation.analyse.study_tables import STATE_TAGS
from ablation.config.command_line import entry_of, settings_of
from ablation.config.study_file import load_study
from ablation.train.questions import MOST_WRITTEN
from benchmarks import published
from benchmarks.findings import AFTER, BEFORE, INSIDE, SUSPECTS, WRITTEN, arms_of, judge_of, main, tables
from benchmarks.observations import IMAGE, PROBES, read

ROOT = Path(__file__).parents[1]
MEASURED = {
    "test/image_loss": 0.2,
    "test/text_loss": 5.04,
    "floor/test_image_median": 0.2,
    "floor/test_image_half_blend": 0.19,
    "floor/test_image_oracle": 0.15,
    "floor/test_text_unigram": 5.6,
    "floor/test_text_oracle": 0.25,
    "floor/test_names_right": 0.75,
    "floor/test_places_right": 0.875,
    "floor/test_retrieval": 0.0111,
    "health/test_image_skill": 0.0,
    "health/test_prediction_spread": 0.0005,
    "health/test_target_spread": 0.25,
    "health/test_text_condition_gap": -0.00001,
    "health/test_image_retrieval": 0.011,
    "health/test_text_retrieval": 0.25,
    "health/test_names_right": 0.5,
    "health/test_places_right": 0.5,
    **{f"{where}/test_probe_{what}": 0.125 for where in ("floor", "health") for what in PROBES},
}
LEARNED = {"health/test_prediction_spread": 0.1, "health/test_text_condition_gap": 0.4}
LOSSES = {"only pixel copy": 0.186, AFTER: 0.17, "all but pixel copy": 0.18}


@pytest.fixture
def folder(tmp_path):
    arms = [
        {"name": arm.name, "changes": {}, "config": arm.config.texts()}
        for arm in load_study("causes", {}).arms
    ]
    plain = (
        "question",
        "delta_hash",
        "command",
        "dataset",
        "data_hash",
        "code_hash",
        "code_commit",
        "code_dirty",
    )
    told = dict.fromkeys((*plain, "environment", "environment_hash"), "")
    record = {
        "name": "causes",
        "primary": "test/image_over_floor",
        "stakes": {},
        "arms": arms,
        "cells": [],
        **told,
    }
    (tmp_path / "study.json").write_text(json.dumps(record))
    rows = [
        {"arm": arm["name"], "seed": seed, "state": "FINISHED", "run_id": "id"}
        | dict.fromkeys(STATE_TAGS, "same")
        | MEASURED
        | (LEARNED if arm["name"] in LOSSES else {})
        | {
            "test/image_loss": LOSSES.get(arm["name"], 0.2)
            + off
            + off * (arm["name"].startswith("all but word"))
        }
        for arm in arms
        for seed, off in enumerate((-0.01, 0, 0.01))
    ]
    missing = {"arm": AFTER, "seed": 3, "state": "missing"}
    pd.DataFrame([*rows, missing]).to_csv(tmp_path / "cells.csv", index=False)
    return tmp_path


def test_the_tables_hold_what_the_files_do(folder):
    short, compared, suspected, changed, inside = tables(folder)
    original, cured = (
        "1.000 [0.876, 1.124]",
        "0.850 [0.726, 0.974]",
    )  # 0.05 / sqrt(3) times 4.303, t with 2 degrees
    assert "mean of three seeds [95 %]" in short and f"for the recipe) | {original} | {cured} |" in short
    assert "guess there is: 63 %) | 0.2 % | 40 % |" in short
    assert "| runs that collapsed | 3 of 3 | 0 of 3 | |" in compared
    assert "| text, nats per token | 5.04 | 5.04 |" in compared
    assert "constant image 0.2000 / 0.2000; half blend of the inputs 0.1900 / 0.1900" in compared
    assert "| 25 % | 25 % | guessing 1.1 % |" in compared
    assert f"| nothing changed | {original} | 3 of 3 | 5.04 | 0.000 |" in suspected
    assert suspected.count("\n") == len(SUSPECTS) + 1
    assert "| pixel copy | **+7.0** (0 of 3) | **+5.0** | +0.000 |" in changed
    assert "| word copy | does not learn (3 of 3) | +15.0 [+2.6, +27.4] | +0.000 |" in changed.replace(
        "*", ""
    )
    assert inside.count("\n") == len(
        INSIDE
    ) + 1 and "| a latent of 128 in place of 64 | -15.0 |" in inside.replace("*", "")
    assert "| next text | does not learn (3 of 3) | **+15.0** | · | +0 |" in changed


def test_the_steps_are_drawn(folder, tmp_path, monkeypatch):
    record = json.loads((folder / "study.json").read_text()) | {
        "stakes": {"test/image_over_floor": {"delta": 0.01}}
    }
    (folder / "study.json").write_text(json.dumps(record))
    monkeypatch.setattr("sys.argv", ["findings", str(folder), "--steps", str(tmp_path / "steps.png")])
    main()
    with Image.open(tmp_path / "steps.png") as picture:
        assert picture.width > 400


def test_one_seed_has_no_interval(folder):
    cells = pd.read_csv(folder / "cells.csv").query("seed == 0")
    cells.to_csv(folder / "cells.csv", index=False)
    short, *_, changed, _ = tables(folder)
    assert "mean of one seed [95 %]" in short and "| 0.950 | 0.800 |" in short
    assert "| pixel copy | +7.0 (0 of 1) | +5.0 | +0.000 |" in changed and "nan" not in changed


def test_readme_holds_the_tables_of_the_observations_beside_it():
    readme = (ROOT / "README.md").read_text()
    *found, inside = tables(ROOT / "docs" / "results" / "causes")
    for table in found:
        assert table in readme
    assert f"of these\n{found[-1].count(' [')} intervals" in readme
    wider = inside.splitlines()[2].split(" | ")[1].replace("+", "").replace(" [", " % [")
    assert f"128 saves {wider}" in " ".join(readme.split())


def test_the_commands_beside_observations_are_ones_that_anyone_can_run():
    for written in sorted((ROOT / "docs" / "results").glob("*/study.json")):
        record = json.loads(written.read_text())
        for command in [record["command"], *(cell["command"] for cell in record["cells"])]:
            _, _, _, _, *words = shlex.split(command)
            study = settings_of(entry_of("study"), words).study
            file = str(ROOT / study) if study.endswith(".yaml") else study
            assert load_study(file, {}).name == record["name"]


def test_as_many_windows_are_written_of_as_readme_says():
    assert WRITTEN == MOST_WRITTEN


def test_readme_tells_the_verdicts_against_the_recipe_of_the_observations_beside_it():
    folder, readme = ROOT / "docs" / "results" / "recipe", " ".join((ROOT / "README.md").read_text().split())
    rows = {row.arm: row for row in judge_of(*read(folder, ["cured", "lean"])).results(IMAGE)}
    verdicts = {arm: row.verdict for arm, row in rows.items()}
    of = {
        verdict: [arm for arm in verdicts if verdicts[arm] == verdict] for verdict in set(verdicts.values())
    }
    assert of["differs"] == ["without raw frames", "without all windows", "without pixel copy"]
    assert of["inconclusive"] == ["without every step", "without optimiser"]
    assert {"latent 16", "latent 128", "with context head", "text weight 5", "lean"} <= set(of["equivalent"])
    assert (
        f"`recipe`, {len(rows) - 1} arms" in readme
        and f"the other {len(of['equivalent'])} are `equivalent`" in readme
    )
    lean = rows["lean"].comparison
    low, high = lean.interval
    assert (
        f"paints as well ({100 * lean.mean:+.1f} % [{100 * low:.1f}, {100 * high:.1f}], `equivalent`)"
        in readme
    )


def test_readme_tells_how_many_of_ten_seeds_collapse():
    readme = " ".join((ROOT / "README.md").read_text().split())
    arms = arms_of(read(ROOT / "docs" / "results" / "ten", [BEFORE, AFTER])[1])
    assert [f"{arms[arm]['collapsed'].sum()} of {len(arms[arm])}" for arm in (BEFORE, AFTER)] == [
        "9 of 10",
        "0 of 10",
    ]
    skill, text = (arms[AFTER][name] for name in ("health/test_image_skill", "test/text_loss"))
    assert "9 of 10 runs of the original collapse" in readme and "of the recipe none collapses" in readme
    assert (
        f"skill {skill.min():.2f} to {skill.max():.2f}, text {text.min():.3f} to {text.max():.3f} nats"
        in readme
    )


def test_floors_are_those_of_the_scored_windows(folder):
    """Older runs that were trained on fewer windows fitted weaker ones."""
    cells = pd.read_csv(folder / "cells.csv")
    record = json.loads((folder / "study.json").read_text())
    few = [arm["name"] for arm in record["arms"] if arm["config"]["windows"] == "first"]
    assert BEFORE in few and AFTER not in few
    rows = cells["arm"].isin(few)
    cells.loc[rows, ["floor/test_image_median", "floor/test_text_unigram"]] = [0.21, 5.7]
    right = tables(folder)
    cells.to_csv(folder / "cells.csv", index=False)
    assert tables(folder) == right


def test_a_seed_counts_once_every_arm_has_finished_it(folder):
    cells = pd.read_csv(folder / "cells.csv")
    cells.drop(cells[(cells["arm"] == "only word copy") & (cells["seed"] == 2)].index).to_csv(
        folder / "cells.csv", index=False
    )
    short, compared, *_ = tables(folder)
    assert "mean of two seeds" in short and "| runs that collapsed | 2 of 2 | 0 of 2 | |" in compared


def lose(folder):
    (folder / "cells.csv").unlink()


def break_record(folder):
    (folder / "study.json").write_text("{")


def lack_a_column(folder):
    pd.read_csv(folder / "cells.csv").drop(columns="code_hash").to_csv(folder / "cells.csv", index=False)


def lack_an_arm(folder):
    pd.read_csv(folder / "cells.csv").query("arm != 'all'").to_csv(folder / "cells.csv", index=False)


def lack_a_measure(folder):
    pd.read_csv(folder / "cells.csv").drop(columns="health/test_image_skill").to_csv(
        folder / "cells.csv", index=False
    )


def lack_a_value(folder):
    cells = pd.read_csv(folder / "cells.csv")
    cells.loc[cells["arm"] == AFTER, "health/test_image_skill"] = None
    cells.to_csv(folder / "cells.csv", index=False)


def append_them_again(folder):
    cells = pd.read_csv(folder / "cells.csv")
    pd.concat([cells, cells]).to_csv(folder / "cells.csv", index=False)


def mix_code(folder):
    cells = pd.read_csv(folder / "cells.csv")
    cells.loc[0, "code_hash"] = "other"
    cells.to_csv(folder / "cells.csv", index=False)


def name_another(folder):
    pd.read_csv(folder / "cells.csv").replace("only word copy", "mine").to_csv(
        folder / "cells.csv", index=False
    )


@pytest.mark.parametrize(
    "spoil, told",
    [
        (lose, "No such file"),
        (break_record, "the study's record is not one that this version wrote"),
        (lack_a_column, "lacks the columns code_hash"),
        (lack_an_arm, "no seed is whole, with a finished run of each of the 47 arms"),
        (lack_a_measure, "lacks the columns health/test_image_skill"),
        (lack_a_value, "all, seed 0 has no health/test_image_skill"),
        (append_them_again, "notebook, seed 0 stands there twice"),
        (mix_code, "rows of 2 code_hash: other, same"),
        (name_another, "study.json does not declare: mine"),
    ],
)
def test_files_that_will_not_do_are_told_of(folder, spoil, told, monkeypatch, capsys):
    spoil(folder)
    monkeypatch.setattr("sys.argv", ["findings", str(folder)])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2 and told in capsys.readouterr().err


def test_readme_holds_the_tables_of_the_published_study():
    readme, folder = (ROOT / "README.md").read_text(), ROOT / "docs" / "results" / "published"
    for table in published.tables(folder):
        assert table in readme
    cells = pd.read_csv(folder / "cells.csv")
    told = f"{sum(is_collapsed(row) for row in cells.to_dict('records'))} of {len(cells)} runs predict one constant image"
    assert told in readme


def test_published_figures_that_are_missing_are_told_of(tmp_path, monkeypatch, capsys):
    for name in ("cells.csv", "study.json"):
        (tmp_path / name).write_text((ROOT / "docs" / "results" / "published" / name).read_text())
    monkeypatch.setattr("sys.argv", ["published", str(tmp_path)])
    with pytest.raises(SystemExit):
        published.main()
    assert "compared_with_published.csv: [Errno 2]" in capsys.readouterr().err
