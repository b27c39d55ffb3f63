"""What a run reached against its floors, in words and as a table."""

from tabulate import tabulate

from ablation.config.config import Config, recipe_texts
from ablation.config.entries import RECIPE_ENTRIES
from ablation.track.mlflow_run import MlflowRun, mlflow_version, tracking_uri

COLLAPSED = 0.01
ROWS = {
    "image (L1)": ("image_loss", "image_median", "image_oracle"),
    "text (nats/token)": ("text_loss", "text_unigram", "text_oracle"),
    "context (MSE)": ("context_loss", None, None),
    "total": ("total_loss", None, None),
}
HEAD = ("loss", "train", "val", "test", "val floor", "test floor", "val best", "test best")
MEANING = "floor: the best constant image; word frequencies alone."
BEST_MEANING = " best: what perfect understanding reaches."


def outcome_table(metrics: dict[str, float], style: str = "simple") -> str:
    """Losses of the best epoch between their floors and the best possible, then the spread."""
    columns = 6 + 2 * ("floor/image_oracle" in metrics)
    rows = []
    for label, (loss, floor, best) in ROWS.items():
        values = [metrics.get(f"{split}/{loss}") for split in ("train", "val", "test")]
        beside = [metrics.get(f"floor/{part}{name}") for name in (floor, best) for part in ("", "test_")]
        if values[0] is not None:
            rows.append([label, *values, *beside][:columns])
    table = tabulate(rows, headers=HEAD[:columns], tablefmt=style, floatfmt=".4f", missingval="")
    return f"{table}\n\n{MEANING}{BEST_MEANING if columns > 6 else ''}\n\n{diagnosis(metrics)}"


def diagnosis(metrics: dict[str, float]) -> str:
    """One sentence: do the predictions vary with the input?"""
    spread, target = metrics["health/prediction_spread"], metrics["health/target_spread"]
    numbers = f"spread {spread:.4f} against the targets' {target:.4f}"
    if spread <= COLLAPSED * target:
        return f"Collapsed: the model predicts one constant image ({numbers})."
    return f"The predicted images vary with the input: {numbers}.{_skill(metrics)}"


def _skill(metrics: dict[str, float]) -> str:
    own, test = metrics.get("health/image_skill"), metrics.get("health/test_image_skill")
    if own is None or test is None:
        return ""
    return f" Image skill {own:.2f}, on test {test:.2f}: 0 is a constant image, 1 cannot be beaten."


def outcome_note(config: Config, metrics: dict[str, float], best_epoch: int) -> str:
    """The run's page in Markdown: what it was, what it reached, the command that repeats it."""
    table = outcome_table(metrics, "github")
    return (
        f"**{config.run_name}**: {config.epochs} epochs on `{config.dataset}`, best validation total in "
        f"epoch {best_epoch}.\n\n{table}\n\nRepeat it with\n\n    {repeat_command(config)}\n"
    )


def repeat_command(config: Config) -> str:
    """The shortest `python -m ablation` command with the same configuration."""
    defaults = recipe_texts(config.nearest_recipe)
    changed = [
        f"--{name} {text}"
        for name, text in config.texts().items()
        if text != defaults[name] and name not in ("resume", "recipe")
    ]
    return " ".join(["python -m ablation", RECIPE_ENTRIES[config.nearest_recipe], *changed])


def where_to_look(tracked: MlflowRun) -> str:
    """The command and the address that open the run."""
    uri = tracking_uri()
    if uri.startswith("http"):
        return f"see it at  {uri.rstrip('/')}/{tracked.page}"
    return (
        f"see it with   mlflow ui     (without MLflow installed: uvx --from mlflow=={mlflow_version()} mlflow ui)"
        f"\nand open      http://127.0.0.1:5000/{tracked.page}"
    )
