"""README's tables of what `causes` found, judged anew from the observations that `summary` wrote.

`python -m benchmarks.findings docs/results/causes` prints them. Of the folder's files from `python -m ablation summary --study
causes` it takes `study.json` and `cells.csv`; of seeds that were run on several machines, the rows of all in one file. A seed
counts once every arm has finished it.
"""

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from ablation.analyse.causes import Worth, causes_frame
from ablation.analyse.drawing import DOTS_PER_INCH
from ablation.analyse.figures import steps_figure
from ablation.analyse.gate import is_collapsed
from ablation.analyse.inference import mean_interval
from ablation.analyse.judge import ArmResult, Judge
from ablation.analyse.palette import STYLE
from ablation.analyse.study_record import StudyRecord
from ablation.config.metrics import MEASURES
from ablation.errors import AblationError
from benchmarks.observations import GAP, IMAGE, PROBES, TEXT, cell_of, read

BEFORE, AFTER = "notebook", "all"
SUSPECTS = {
    BEFORE: "nothing changed",
    "only wide text": "a bottleneck in the text latent: width 192",
    "only wide z": "a bottleneck in the GRU: z of width 192",
    "text weight 5": "text loss times five",
    "no text loss": "no text loss",
    "separate heads": "two image heads of their own",
    "trained decoder": "a text decoder that is trained on",
}
INSIDE = {
    "cured, latent 128": "a latent of 128 in place of 64",
    "cured, text weight 5": "text loss times five",
}
READ = (*SUSPECTS, *INSIDE, AFTER)
CHANGED = {IMAGE: (100, "+z.1f"), TEXT: (1, "+z.3f"), **dict.fromkeys(PROBES.values(), (100, "+z.0f"))}
"""Scale and format of the measures that a change is worth something on."""
NUMBERS = {1: "one", 2: "two", 3: "three", 4: "four", 5: "five"}
WINDOWS, WRITTEN, BEST_GUESS = 900, 240, "63 %"
"""Of the 100 test stories of the embedded world; the oracle's spread, of the targets', by `benchmarks.limits`."""
ASKED = f" ({WRITTEN} windows)"
NOT_ASKED = "·"
SAME = 1e-4
"""An interval narrower than this, in what it is told in, is none."""


def main() -> None:
    """Prints the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--steps", type=Path, help="a PNG to draw the steps to; prints no table")
    options = parser.parse_args()
    try:
        if options.steps:
            draw_steps(options.folder, options.steps)
        else:
            print("\n\n".join(tables(options.folder)))
    except AblationError as error:
        parser.error(str(error))


def tables(folder: Path) -> list[str]:
    """In README's order, as Markdown. Raises AblationError where a file is missing, broken, or of too few arms."""
    record, observed = read(folder, READ)
    judge = judge_of(record, observed)
    arms, results = arms_of(observed), {name: judge.results(name) for name in CHANGED}
    told = in_short(arms), before_and_after(arms), suspects(arms), changes(causes_frame(record, results))
    return [*told, inside(record, results)]


def judge_of(record: StudyRecord, observed: pd.DataFrame) -> Judge:
    """Of the runs that were observed."""
    return Judge(record, [cell_of(record, row) for row in observed.to_dict("records")])


def draw_steps(folder: Path, file: Path) -> None:
    """README's picture of the way from the original to all changes, on the measures that the study declares."""
    record, observed = read(folder, READ)
    judge = judge_of(record, observed)
    with plt.rc_context(STYLE):
        steps_figure({name: judge.results(name) for name in record.stakes}).savefig(file, dpi=DOTS_PER_INCH)


def arms_of(observed: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Arm to its runs, with what follows from their measures."""
    done = observed.copy()
    done[IMAGE] = [MEASURES[IMAGE].value(row) for row in done.to_dict("records")]
    done["best"] = done["floor/test_image_oracle"] / done["floor/test_image_median"]
    done["spread"] = done["health/test_prediction_spread"] / done["health/test_target_spread"]
    done["collapsed"] = [is_collapsed(row) for row in done.to_dict("records")]
    return dict(list(done.groupby("arm")))


def in_short(arms: dict[str, pd.DataFrame]) -> str:
    """What stands at README's top."""
    before, after = arms[BEFORE], arms[AFTER]
    best, (words, new_words) = (
        [f"{rows[name].mean():.2f}" for rows in (before, after)]
        for name in ("best", "floor/test_text_unigram")
    )
    image = (
        "image loss over that of one constant image: 1 is no better "
        f"(best possible: {best[0]} for the original, {best[1]} for the recipe)"
    )
    spread = f"how much the predicted pictures vary over the stories, as a share of how much the true ones do (the best guess there is: {BEST_GUESS})"
    text = (
        f"text loss, nats per token: of frame 4's description for the original (bare word frequencies {words}, best "
        f"possible 0), of frame 5's for the recipe ({new_words}, {after['floor/test_text_oracle'].mean():.2f})"
    )
    gap = "how much the text loss rises when the model is given another story's frames and words, nats per token"
    head = [
        f"embedded world, test stories, mean of {seeds(after)} [95 %]",
        "the original",
        "the recipe that learns",
    ]
    rows = ((image, IMAGE, ".3f"), (spread, "spread", "%"), (text, TEXT, "loss"), (gap, GAP, ".3f"))
    return markdown(
        head, [[words, told(before[name], form), told(after[name], form)] for words, name, form in rows]
    )


def before_and_after(arms: dict[str, pd.DataFrame]) -> str:
    """The recipe against its targets."""
    before, after = arms[BEFORE], arms[AFTER]

    def beside(name: str, form: str) -> str:
        return " / ".join(f"{rows[f'floor/test_{name}'].mean():{form}}" for rows in (before, after))

    image = f"constant image {beside('image_median', '.4f')}; half blend of the inputs {beside('image_half_blend', '.4f')}"
    image += f"; best possible {beside('image_oracle', '.3f')}"
    text = f"word frequencies {beside('text_unigram', '.2f')}; best possible {beside('text_oracle', '.2f')}"
    guessing = f"guessing {after['floor/test_retrieval'].mean():.1%}".replace("%", " %")
    names, places = (
        f"frame 4's description {beside(f'{what}_right', '.2f')}" for what in ("names", "places")
    )
    rows = (
        ("image L1", "test/image_loss", ".4f", image),
        ("image skill", "health/test_image_skill", ".2f", "constant image 0, best possible 1"),
        ("spread of the predictions, of the targets'", "spread", "%", f"best guess {BEST_GUESS}"),
        ("text, nats per token", TEXT, "loss", text),
        ("what another story's condition costs, nats", GAP, ".3f", "0: the story is not used"),
        ("true frame among the ten nearest", "health/test_image_retrieval", "%", guessing),
        (f"true description among the ten nearest{ASKED}", "health/test_text_retrieval", "%", guessing),
        (f"characters named right, F1{ASKED}", "health/test_names_right", ".2f", names),
        (f"places named right, F1{ASKED}", "health/test_places_right", ".2f", places),
    )
    read, common = (
        ", ".join(f"{100 * after[place + name].mean():.0f}" for name in PROBES)
        for place in ("health/test_probe_", "floor/test_probe_")
    )
    probes = f"{', '.join(PROBES)} of frame 4, read from z by a linear probe"
    body = [
        ["runs that collapsed", collapsed(before), collapsed(after), ""],
        *(
            [words, told(before[name], form), told(after[name], form), floor]
            for words, name, form, floor in rows
        ),
        [probes, "(fitted on fewer windows)", f"{read} %", f"the commonest answer {common} %"],
    ]
    head = [f"{WINDOWS} test windows, mean of {seeds(after)} [95 %]", "original", "cured"]
    return markdown([*head, "beside it, for the original / for cured"], body)


def suspects(arms: dict[str, pd.DataFrame]) -> str:
    """What the original's author suspected, alone on the original."""
    head = [
        "",
        "image loss over the constant image's",
        "collapsed",
        "text, nats per token",
        "another story costs",
    ]
    measures = ((TEXT, "loss"), (GAP, ".3f"))
    body = [
        [words, told(arms[arm][IMAGE], ".3f"), collapsed(arms[arm])]
        + [told(arms[arm][name], form).split(" [")[0] for name, form in measures]
        for arm, words in SUSPECTS.items()
    ]
    return markdown(head, body)


def changes(causes: pd.DataFrame) -> str:
    """What each change is worth: alone on the original, and by leaving it out of the recipe."""
    by_measure = {name: rows.set_index("cure") for name, rows in causes.groupby("metric")}
    body = [
        [cure, _alone(by_measure[IMAGE].loc[cure])]
        + [worth(by_measure[name].loc[cure], "among_all", *shown) for name, shown in CHANGED.items()]
        for cure in by_measure[IMAGE].index
    ]
    left_out = [f"{name}, left out" for name in ("image", "text", *PROBES)]
    return markdown(["change", "image, alone on the original (runs that collapse)", *left_out], body)


def inside(record: StudyRecord, results: dict[str, list[ArmResult]]) -> str:
    """What other arms that start from the recipe are worth against it."""
    by_measure = {name: {row.arm: row for row in results[name]} for name in (IMAGE, TEXT)}
    body = [
        [words]
        + [
            worth(Worth.between(record, rows[AFTER], rows[arm]).columns("inside"), "inside", *CHANGED[name])
            for name, rows in by_measure.items()
        ]
        for arm, words in INSIDE.items()
    ]
    return markdown(["inside the recipe", "image", "text"], body)


def _alone(row: pd.Series) -> str:
    told = "does not learn" if row["alone_not_learning"] else worth(row, "alone", *CHANGED[IMAGE])
    return f"{told} ({row['alone_collapsed']})"


def worth(row: Mapping[str, float], prefix: str, scale: float, form: str) -> str:
    """Bold where the interval leaves out 0."""
    if not row[f"{prefix}_n"]:
        return NOT_ASKED
    mean, low, high = (scale * row[f"{prefix}_{name}"] for name in ("worth", "low", "high"))
    shown = f"{mean:{form}}{within(low, high, form)}"
    return f"**{shown}**" if low > 0 or high < 0 else shown


def told(values: Sequence[float], form: str) -> str:
    """Mean with its interval over seeds. `loss`: three digits below 1, two from there on; `%`: of a share, which cannot be
    negative, a digit below 20 %.
    """
    mean, (low, high) = float(np.mean(values)), mean_interval(values)
    if form == "%":
        form = ".1f" if mean < 0.2 else ".0f"
        return f"{100 * mean:{form}} %{within(100 * max(low, 0), 100 * high, form)}"
    form = (".2f" if mean >= 1 else ".3f") if form == "loss" else form
    return f"{mean:z{form}}{within(low, high, f'z{form}')}"


def within(low: float, high: float, form: str) -> str:
    """An interval behind its mean; nothing of one seed, or where all seeds measured the same."""
    return "" if np.isnan(high) or high - low < SAME else f" [{low:{form}}, {high:{form}}]"


def collapsed(rows: pd.DataFrame) -> str:
    """How many of the runs did."""
    return f"{rows['collapsed'].sum()} of {len(rows)}"


def seeds(rows: pd.DataFrame) -> str:
    """How many there are, in words."""
    return f"{NUMBERS.get(len(rows), len(rows))} seed{'s' * (len(rows) > 1)}"


def markdown(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """As README writes it: nothing is padded."""
    lines = [f"|{'|'.join(f' {cell} ' if cell else ' ' for cell in line)}|" for line in (head, *rows)]
    return "\n".join([lines[0], "|---" * len(head) + "|", *lines[1:]])


if __name__ == "__main__":
    sys.exit(main())
