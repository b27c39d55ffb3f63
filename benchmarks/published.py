"""README's tables of the published study, judged anew from the observations that `summary` wrote.

`python -m benchmarks.published docs/results/published` prints them. Of the folder's files from `python -m ablation summary --study
published` it takes `study.json`, `cells.csv` and `compared_with_published.csv`.
"""

import argparse
import sys
from pathlib import Path

import pandas as pd

from ablation.analyse.study_tables import page_frame
from ablation.errors import AblationError
from benchmarks.findings import judge_of, markdown
from benchmarks.observations import read

NAMES = {"ResNet128-e10": "ResNet128-e10 (ten epochs)"}
JUDGED = {
    "test/image_loss": "image loss on test [95 %]",
    "difference": "difference to Basecase [95 %]",
    "p": "p",
    "TOST p": "TOST p",
    "collapsed": "collapsed",
    "spread": "spread",
    "verdict": "verdict",
}


def main() -> None:
    """Prints the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    try:
        print("\n\n".join(tables(parser.parse_args().folder)))
    except AblationError as error:
        parser.error(str(error))


def tables(folder: Path) -> list[str]:
    """In README's order, as Markdown. Raises AblationError where a file is missing or broken."""
    record, observed = read(folder, ("Basecase",))
    results = judge_of(record, observed).results(record.primary)
    return [judged(page_frame(results)), compared(folder, observed)]


def judged(page: pd.DataFrame) -> str:
    """Every arm with its verdict."""
    rows = page.assign(spread=page["spread"].str.replace("%", " %")).to_dict("records")
    body = [[NAMES.get(row["arm"], row["arm"]), *(row[name] for name in JUDGED)] for row in rows]
    return markdown(["arm", *JUDGED.values()], body)


def compared(folder: Path, observed: pd.DataFrame) -> str:
    """The published image losses beside ours, of the last epoch of training."""
    file = folder / "compared_with_published.csv"
    try:
        rows = pd.read_csv(file).query("Loss == 'Image Loss'")
        body = [
            [
                row["Model"].partition("-e")[0],
                str(row["Epoch"]),
                f"{row['Published']:.4f}",
                f"{row['Ours']:.4f}",
            ]
            for row in rows.to_dict("records")
        ]
    except (OSError, ValueError, KeyError) as error:
        raise AblationError(
            f"{file}: {error}; `summary --study published --out {folder}` writes it"
        ) from error
    floor, seeds = observed["floor/test_image_median"].mean(), observed["seed"].nunique()
    ours = f"image, ours (train, mean of {seeds}; constant image on test {floor:.3f})"
    return markdown(
        ["model", "epochs", "image, published (StoryReasoning, constant image 0.241)", ours], body
    )


if __name__ == "__main__":
    sys.exit(main())
