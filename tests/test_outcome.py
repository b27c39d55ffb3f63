"""What a run tells at its end."""

from ablation.commands.outcome import diagnosis, outcome_table

METRICS = {
    f"{split}/{loss}": 0.2
    for split in ("train", "val", "test")
    for loss in ("image_loss", "text_loss", "context_loss", "total_loss")
} | {
    "floor/image_median": 0.21,
    "floor/test_image_median": 0.22,
    "floor/text_unigram": 5.1,
    "floor/test_text_unigram": 5.2,
    "health/prediction_spread": 0.1,
    "health/target_spread": 0.2,
}
ORACLES = {
    "floor/image_oracle": 0.18,
    "floor/test_image_oracle": 0.19,
    "floor/text_oracle": 0.3,
    "floor/test_text_oracle": 0.4,
    "health/image_skill": 0.33,
    "health/test_image_skill": 0.66,
}


def test_each_loss_stands_between_its_floor_and_the_best_possible():
    told = outcome_table(METRICS | ORACLES)
    image = next(line for line in told.splitlines() if line.startswith("image")).split()
    assert image[2:] == ["0.2000"] * 3 + ["0.2100", "0.2200", "0.1800", "0.1900"]
    text = next(line for line in told.splitlines() if line.startswith("text")).split()
    assert text[-4:] == ["5.1000", "5.2000", "0.3000", "0.4000"]
    assert max(map(len, told.splitlines()[:8])) < 100


def test_where_no_best_is_known_the_table_has_no_column_for_it():
    told = outcome_table(METRICS)
    assert "best" not in told.splitlines()[0] and "perfect" not in told
    assert "test floor" in told.splitlines()[0]


def test_the_diagnosis_of_a_collapsed_run_and_of_one_that_learned():
    gone = {
        "health/prediction_spread": 0.0001,
        "health/target_spread": 0.277,
        "health/text_condition_gap": 0.0004,
    }
    told = diagnosis(gone)
    assert "one constant image: spread 0.0001 against 0.277" in told
    assert "words ignore the story: another story's would cost +0.0004 nats" in told
    assert "saturated" not in diagnosis(gone | {"health/saturated_gates": 0.1})
    assert "0.2770; 93% of the GRU's gates are" in diagnosis(gone | {"health/saturated_gates": 0.931})
    told = diagnosis(METRICS | ORACLES | {"health/text_condition_gap": 0.41})
    assert "vary with the story: spread 0.1000 against 0.2000; skill 0.33, on test 0.66" in told
    hardly = {"health/prediction_spread": 0.004, "health/target_spread": 0.25}
    assert "images hardly vary with the story: spread 0.0040 against 0.2500." in diagnosis(hardly)
    assert "words use the story: another story's would cost 0.410 nats" in told
    assert "skill" not in diagnosis(METRICS | {"health/text_condition_gap": 0.41})


def test_what_one_validation_story_cannot_tell_is_not_claimed():
    told = diagnosis({"health/prediction_spread": 0.0, "health/target_spread": 0.0})
    assert told.count("is not known") == 2 and "constant" not in told and "ignore" not in told
