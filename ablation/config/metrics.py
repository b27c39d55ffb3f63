"""The losses with their floors, and the measures that a study may be judged by: unit, range, better direction, yardstick.

A measure is scored once per run, on the test stories, with the checkpoint chosen on validation.
"""

from dataclasses import dataclass

IMAGE_YARDSTICK = ("equalize",)
TEXT_YARDSTICK = ("text_target", "tokenizer_hash")
TOTAL_YARDSTICK = (
    *IMAGE_YARDSTICK,
    *TEXT_YARDSTICK,
    "image_heads",
    "image_weight",
    "text_weight",
    "context_weight",
    "batch_size",
)
PROBE_YARDSTICK = ("windows",)
"""A probe is asked for what is common in the windows that were trained on."""
IMAGE, TEXT = "image", "text"


@dataclass(frozen=True)
class Loss:
    """Logged as `train/`, `val/` and `test/` and its `name`. `floor`, what a model that looks at nothing reaches (`trivial` says
    which), and `best`, what perfect understanding reaches, are logged as `floor/…` and `floor/test_…`.
    """

    name: str
    unit: str = ""
    floor: str | None = None
    best: str | None = None
    trivial: str = ""

    @property
    def words(self) -> str:
        """Its name, and its unit where it has one."""
        return self.name.replace("_", " ") + (f" ({self.unit})" if self.unit else "")


LOSSES = {
    IMAGE: Loss("image_loss", "L1", "image_median", "image_oracle", "the best constant image"),
    TEXT: Loss("text_loss", "nats/token", "text_unigram", "text_oracle", "word frequencies alone"),
    "context": Loss("context_loss", "MSE"),
    "total": Loss("total_loss"),
}


@dataclass(frozen=True)
class Measure:
    """Within `low` and `high`, in `unit`. `parts` are what it is learned from (the gate looks at them); `yardstick`
    names what sets its scale: two runs that differ there do not compare on it. `ratio_of` are the two logged metrics
    that it is the quotient of, where it is not logged itself. `label` is its name in words.
    """

    name: str
    unit: str
    low: float
    high: float
    lower_is_better: bool
    parts: tuple[str, ...]
    yardstick: tuple[str, ...] = ()
    ratio_of: tuple[str, str] | None = None
    label: str = ""

    @property
    def words(self) -> str:
        """Its label, or its name where it has none."""
        return self.label or self.name

    @property
    def floor(self) -> str | None:
        """The metric of its floor on the test stories, of a loss or a ratio to one; None where it has none."""
        if self.ratio_of:
            return self.ratio_of[1]
        floors = (loss.floor for loss in LOSSES.values() if self.name == f"test/{loss.name}")
        return next((f"floor/test_{floor}" for floor in floors if floor), None)

    def value(self, metrics: dict[str, float]) -> float | None:
        """Of one run, from its logged metrics; None where it lacks them."""
        if self.ratio_of is None:
            return metrics.get(self.name)
        loss, floor = (metrics.get(name) for name in self.ratio_of)
        return loss / floor if loss is not None and floor else None


INFINITE = float("inf")
MEASURES = {
    measure.name: measure
    for measure in (
        Measure("test/image_loss", "L1", 0, 1, True, (IMAGE,), IMAGE_YARDSTICK, label="image loss (L1)"),
        Measure(
            "test/text_loss",
            "nats per token",
            0,
            INFINITE,
            True,
            (TEXT,),
            TEXT_YARDSTICK,
            label="text loss (nats per token)",
        ),
        Measure(
            "test/context_loss",
            "MSE",
            0,
            1,
            True,
            (IMAGE,),
            (*IMAGE_YARDSTICK, "image_heads", "batch_size"),
            label="context loss (MSE)",
        ),
        Measure(
            "test/total_loss",
            "weighted sum",
            0,
            INFINITE,
            True,
            (IMAGE, TEXT),
            TOTAL_YARDSTICK,
            label="total loss (weighted sum)",
        ),
        Measure(
            "test/image_over_floor",
            "L1 over the constant image's",
            0,
            INFINITE,
            True,
            (IMAGE,),
            ratio_of=("test/image_loss", "floor/test_image_median"),
            label="image loss over the constant image's",
        ),
        Measure(
            "test/text_over_floor",
            "nats over the word frequencies'",
            0,
            INFINITE,
            True,
            (TEXT,),
            ratio_of=("test/text_loss", "floor/test_text_unigram"),
            label="text loss over the unigram's",
        ),
        Measure(
            "health/test_image_skill",
            "0 constant image, 1 best possible",
            -INFINITE,
            1,
            False,
            (IMAGE,),
            label="image skill (0 constant image, 1 best possible)",
        ),
        Measure(
            "health/test_prediction_spread",
            "pixel value",
            0,
            0.5,
            False,
            (IMAGE,),
            IMAGE_YARDSTICK,
            label="spread of the predicted images",
        ),
        Measure(
            "health/test_image_condition_gap",
            "L1",
            -1,
            1,
            False,
            (IMAGE,),
            IMAGE_YARDSTICK,
            label="L1 that another story's condition costs",
        ),
        Measure(
            "health/test_text_condition_gap",
            "nats per token",
            -INFINITE,
            INFINITE,
            False,
            (TEXT,),
            TEXT_YARDSTICK,
            label="nats that another story's condition costs",
        ),
        Measure(
            "health/test_image_retrieval",
            "share of windows, 1,000 of them where there are more",
            0,
            1,
            False,
            (IMAGE,),
            label="true frame among the ten nearest (share)",
        ),
        Measure(
            "health/test_text_retrieval",
            "share of windows, 240 of them where there are more",
            0,
            1,
            False,
            (TEXT,),
            ("text_target",),
            label="true description among the ten nearest (share)",
        ),
        *(
            Measure(
                f"health/test_{what}_right",
                "F1",
                0,
                1,
                False,
                (TEXT,),
                ("text_target",),
                label=f"{what} told right (F1)",
            )
            for what in ("names", "places")
        ),
        *(
            Measure(
                f"health/test_probe_{what}",
                "accuracy",
                0,
                1,
                False,
                (IMAGE, TEXT),
                PROBE_YARDSTICK,
                label=f"{what} read from z (accuracy)",
            )
            for what in ("setting", "people", "shot")
        ),
    )
}
