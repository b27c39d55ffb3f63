"""README's tables of what `causes` found: made from the study's CSV, and by hand the same."""

import pandas as pd
import pytest

from benchmarks.findings import AFTER, BEFORE, PROBES, SUSPECTS, tables

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
WORTH = {"n": 3, "worth": 0.05, "low": 0.025, "high": 0.075}


def cells():
    arms = dict.fromkeys([*SUSPECTS, AFTER], MEASURED)
    rows = [
        {"arm": arm, "seed": seed, "state": "FINISHED", **values, "test/image_loss": loss}
        for arm, values in arms.items()
        for seed, loss in enumerate((0.19, 0.2, 0.21))
    ]
    return pd.DataFrame([*rows, {"arm": BEFORE, "seed": 3, "state": "missing"}])


def change(metric, cure, learns, **left_out):
    alone = {"alone_not_learning": "" if learns else "3 of 3 at the floor", "alone_collapsed": "0 of 3"}
    columns = {
        f"{prefix}_{name}": value for prefix in ("alone", "among_all") for name, value in WORTH.items()
    }
    return (
        {"metric": metric, "cure": cure}
        | columns
        | alone
        | {f"among_all_{k}": v for k, v in left_out.items()}
    )


@pytest.fixture
def folder(tmp_path):
    cells().to_csv(tmp_path / "cells.csv", index=False)
    measures = ("test/image_over_floor", "test/text_loss", *PROBES.values())
    rows = [change(name, "pixel copy", True) for name in measures]
    rows += [change(name, "words in", False, low=-0.025) for name in measures]
    rows += [change(name, "next text", False, n=0) for name in measures]
    pd.DataFrame(rows).to_csv(tmp_path / "causes.csv", index=False)
    return tmp_path


def test_the_tables_hold_what_the_files_do(folder):
    short, compared, suspected, changed = tables(folder)
    image = "1.000 [0.876, 1.124]"  # 0.05 / sqrt(3) times 4.303, the t of 2 degrees of freedom
    assert "mean of three seeds [95 %]" in short and f"for the recipe) | {image} | {image} |" in short
    assert "best guess: 63 %) | 0.2 % [0.2, 0.2] |" in short
    assert "| runs that collapsed | 3 of 3 | 3 of 3 | |" in compared
    assert "| text, nats per token | 5.04 [5.04, 5.04] |" in compared
    assert "constant image 0.2000 / 0.2000; half blend of the inputs 0.1900 / 0.1900" in compared
    assert "| 25 % [25, 25] | 25 % [25, 25] | guessing 1.1 % |" in compared
    assert f"| nothing changed | {image} | 3 of 3 | 5.04 | 0.000 |" in suspected
    assert suspected.count("\n") == len(SUSPECTS) + 1
    assert "| pixel copy | **+5.0 [+2.5, +7.5]** (0 of 3) | **+5.0 [+2.5, +7.5]** | **+0.050 [" in changed
    assert "| words in | does not learn (0 of 3) | +5.0 [-2.5, +7.5] | +0.050 [-0.025, +0.075] |" in changed
    assert "| next text | does not learn (0 of 3) | · | · | · | · | · |" in changed
