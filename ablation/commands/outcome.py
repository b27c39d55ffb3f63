"""What a run reached against its floors, in words and as a table."""

from tabulate import tabulate

from ablation.config.config import Config
from ablation.config.declare import keys_of, to_text
from ablation.config.entries import RECIPE_ENTRIES
from ablation.track.mlflow_run import MlflowRun, mlflow_version, tracking_uri

COLLAPSED = 0.01
ROWS = {
    "image (L1)": ("image_loss", "image_median", "the best constant image"),
    "text (nats/token)": ("text_loss", "text_unigram", "word frequencies alone"),
    "context (MSE)": ("context_loss", None, ""),
    "total": ("total_loss", None, ""),
}
ORACLES = {"image_loss": "floor/image_oracle", "text_loss": "floor/text_oracle"}
HEAD = ("loss", "train", "val", "test", "val floor", "test floor", "the floor is", "best possible")


def outcome_table(metrics: dict[str, float], style: str = "simple") -> str:
    """Losses of the best epoch beside their floors, then the spread of the predictions."""
    rows = []
    for label, (loss, floor, meaning) in ROWS.items():
        values = [metrics.get(f"{split}/{loss}") for split in ("train", "val", "test")]
        floors = [metrics.get(f"floor/{floor}"), metrics.get(f"floor/test_{floor}")]
        if values[0] is not None:
            rows.append([label, *values, *floors, meaning, metrics.get(ORACLES.get(loss))])
    table = tabulate(rows, headers=HEAD, tablefmt=style, floatfmt=".4f", missingval="")
    return f"{table}\n\n{diagnosis(metrics)}"


def diagnosis(metrics: dict[str, float]) -> str:
    """One sentence: do the predictions vary with the input?"""
    spread, target = metrics["health/prediction_spread"], metrics["health/target_spread"]
    numbers = f"spread {spread:.4f} against the targets' {target:.4f}"
    if spread <= COLLAPSED * target:
        return f"Collapsed: the model predicts one constant image ({numbers})."
    skill = metrics.get("health/image_skill")
    told = "" if skill is None else f" Image skill {skill:.2f}: 0 is a constant image, 1 cannot be beaten."
    return f"The predicted images vary with the input: {numbers}.{told}"


def outcome_note(config: Config, metrics: dict[str, float], best_epoch: int) -> str:
    """The run's page in Markdown: what it was, what it reached, the command that repeats it."""
    table = outcome_table(metrics, "github")
    return (
        f"**{config.run_name}**: {config.epochs} epochs on `{config.dataset}`, best validation total in "
        f"epoch {best_epoch}.\n\n{table}\n\nRepeat it with\n\n    {repeat_command(config)}\n"
    )


def repeat_command(config: Config) -> str:
    """The shortest `python -m ablation` command with the same configuration."""
    changed = [
        f"--{name} {to_text(getattr(config, name))}"
        for name, key in keys_of(Config).items()
        if getattr(config, name) != key.default and name not in ("resume", "recipe")
    ]
    return " ".join(["python -m ablation", RECIPE_ENTRIES[config.recipe], *changed])


def where_to_look(tracked: MlflowRun) -> str:
    """The command and the address that open the run."""
    uri = tracking_uri()
    if uri.startswith("http"):
        return f"see it at  {uri.rstrip('/')}/{tracked.page}"
    return (
        f"see it with   mlflow ui     (without MLflow installed: uvx --from mlflow=={mlflow_version()} mlflow ui)"
        f"\nand open      http://127.0.0.1:5000/{tracked.page}"
    )
