"""Saved views of the MLflow UI: what its runs table and its charts show when a link of ours opens them.

A view is a tag of the experiment, `mlflow.sharedViewState.<key>`, that the UI reads (MLflow 3.17) and lists under Views;
what it does not know of the state it leaves out.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

TAG = "mlflow.sharedViewState."
LOSSES = ("image_loss", "text_loss", "total_loss")
LOSS_COLUMNS = [f"metrics.`{split}/{loss}`" for split in ("test", "val") for loss in LOSSES]
FLOOR_COLUMNS = ["metrics.`floor/test_image_median`", "metrics.`floor/test_text_unigram`"]
SPREAD_COLUMNS = ["metrics.`health/test_prediction_spread`", "metrics.`health/test_target_spread`"]
NUMBERS = [
    LOSS_COLUMNS[0],
    FLOOR_COLUMNS[0],
    LOSS_COLUMNS[1],
    FLOOR_COLUMNS[1],
    *SPREAD_COLUMNS,
    *LOSS_COLUMNS[2:],
]
WIDTHS = {"tags.`arm`": 130, "params.`seed`": 60, "params.`latent_dim`": 90}
VERDICT_WIDTH, LETTER_WIDTH, MARGIN = 200, 6.2, 32  # pixels
NAME_WIDTH, WIDEST, SEED_WIDTH = 190, 330, 70
"""Of the runs' names, which are arms with a seed and a dot of the run's colour."""
RUN_NAME = "attributes.`Run Name`"
GLANCE, PREDICTIONS = "at a glance", "predictions"
FOLDED = ("train", "val", "test", "floor", "health", "speed")
"""Sections of charts that begin closed: some fifty charts, one for each metric."""
CURVES = (
    ("train/total_loss", "val/total_loss"),
    ("val/image_loss",),
    ("val/text_loss",),
    ("health/prediction_spread", "health/target_spread"),
)
FLAT_START = "attributes.`start_time`"
"""By the plain name the UI folds children into their parents, and shows those that the condition leaves out too."""
BARS = ("test/image_loss", "test/text_loss")


@dataclass(frozen=True)
class View:
    """`key` names it in links, `name` in the UI's list; `columns` and `order` are in MLflow's filter language, as is
    `runs`, the condition that chooses them. `group` is a tag that rows are averaged by.
    """

    key: str
    name: str
    runs: str
    columns: Sequence[str]
    order: str = FLAT_START
    ascending: bool = False
    group: str | None = None
    widths: dict[str, int] = field(default_factory=dict)

    @property
    def tag(self) -> str:
        """Of the experiment."""
        return TAG + self.key

    def text(self, moment: int) -> str:
        """The tag's value; `moment` is shown as the time when the view was made, in milliseconds since 1970."""
        about = {"name": self.name, "createdAt": moment, "updatedAt": moment}
        return json.dumps(about | {"state": json.dumps(self.state())})

    def state(self) -> dict[str, Any]:
        """As the UI keeps it."""
        average = {
            "aggregateFunction": "average",
            "groupByKeys": [{"mode": "tag", "groupByData": self.group}],
        }
        shown = [*self.columns, *(column for column in self.widths if column not in self.columns)]
        return {
            "selectedColumns": list(self.columns),
            "columnOrder": [RUN_NAME, *self.columns],
            "columnWidths": {column: self._width(column) for column in shown},
            "searchFilter": self.runs,
            "orderByKey": self.order,
            "orderByAsc": self.ascending,
            "groupBy": average if self.group else None,
            "runsHiddenMode": "FIRST_20_RUNS",
            "isAccordionReordered": True,
            **_charts(),
        }

    def _width(self, column: str) -> int:
        return (WIDTHS | self.widths).get(column, _text_width(column.split("`")[1]))


def _text_width(text: str) -> int:
    return round(LETTER_WIDTH * len(text) + MARGIN)


def runs_view() -> View:
    """All training runs of an experiment, the newest first."""
    columns = [
        "tags.`study`",
        "tags.`arm`",
        "params.`seed`",
        "params.`latent_dim`",
        "tags.`verdict`",
        *NUMBERS,
    ]
    widths = {"tags.`verdict`": VERDICT_WIDTH, "tags.`study`": 90}
    return View("runs", "training runs", "tags.kind = 'train'", columns, widths=widths)


def study_views(
    parent_id: str, name: str, verdict_tag: str, place_tag: str, arms: Sequence[str] = ()
) -> list[View]:
    """A study's own runs as it declares them, parent first; and one row per arm, averaged over its seeds; wide enough for
    the names of its arms.

    Its runs are those with a tag `place_tag`, in the order of its values.
    """
    widths = {RUN_NAME: min(max([NAME_WIDTH, *(_text_width(arm) + SEED_WIDTH for arm in arms)]), WIDEST)}
    verdict = f"tags.`{verdict_tag}`"
    about = {"runs": f"tags.`{place_tag}` LIKE '%'", "order": f"tags.`{place_tag}`", "ascending": True}
    columns = ["tags.`arm`", "params.`seed`", "params.`latent_dim`", verdict, *NUMBERS]
    runs = View(
        study_key(parent_id),
        f"study {name}",
        columns=columns,
        widths=widths | {verdict: VERDICT_WIDTH},
        **about,
    )
    means = f"study {name}, means by arm"
    by_arm = View(f"{runs.key}-arms", means, columns=NUMBERS, group="arm", widths=widths, **about)
    return [runs, by_arm]


def study_key(parent_id: str) -> str:
    """The key of the view of a study's runs."""
    return f"study-{parent_id[:8]}"


def was_edited(text: str | None) -> bool:
    """Whether a view's tag was changed by someone in the UI, which writes the time of that beside the first one."""
    try:
        about = json.loads(text or "{}")
        return about.get("updatedAt") != about.get("createdAt")
    except (ValueError, AttributeError):
        return False


def table_page(experiment_id: str, key: str) -> str:
    """The place of a view in the UI, after the address."""
    return f"#/experiments/{experiment_id}/runs?workflowType=machine_learning&viewStateShareKey={key}"


def run_page(experiment_id: str, run_id: str, place: str = "") -> str:
    """The place of a run, or of an artifact of it, in the UI, after the address."""
    inside = f"/artifacts/{place}" if place else ""
    return f"#/experiments/{experiment_id}/runs/{run_id}{inside}?workflowType=machine_learning"


def _charts() -> dict[str, Any]:
    """The few charts that tell most, then a section for every group of metrics, closed."""
    curves = [_chart("LINE", GLANCE, names[0], selectedMetricKeys=list(names), **LINE) for names in CURVES]
    bars = [_chart("BAR", GLANCE, name) for name in BARS]
    pictures = [
        _chart("IMAGE", PREDICTIONS, imageKeys=[f"predictions/{split}"], step=0, showRunParams=False)
        for split in ("val", "train")
    ]
    first = {"columns": 2, "cardHeight": 320}
    sections = [_section(GLANCE, **first), _section(PREDICTIONS, **first | {"cardHeight": 480})]
    folded = [_section(name, display=False) for name in FOLDED]
    return {"compareRunCharts": curves + bars + pictures, "compareRunSections": sections + folded}


LINE = {
    "lineSmoothness": 0,
    "xAxisScaleType": "linear",
    "scaleType": "linear",
    "range": {},
    "xAxisKey": "step",
    "selectedXAxisMetricKey": "",
    "yAxisKey": "metric",
    "yAxisExpressions": [],
    "ignoreOutliers": False,
    "useGlobalXaxisKey": True,
    "useGlobalLineSmoothing": True,
}


def _chart(kind: str, section: str, metric: str = "", **more: Any) -> dict[str, Any]:
    subject = metric or ",".join(more["imageKeys"])
    about = {"uuid": f"{kind} {subject}", "type": kind, "metricSectionId": section, "metricKey": metric}
    return about | {"deleted": False, "isGenerated": False, "runsCountToCompare": 20} | more


def _section(name: str, display: bool = True, **more: Any) -> dict[str, Any]:
    about = {"uuid": name, "name": name, "display": display}
    return about | {"isReordered": False, "deleted": False, "isGenerated": True} | more
