"""Configuration: declared once, checked all at once, the same everywhere."""

from dataclasses import FrozenInstanceError, fields, replace
from pathlib import Path
from string import ascii_letters, digits

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from ablation.commands.notes import repeat_command
from ablation.config.command_line import entry_help, read_words, settings_of
from ablation.config.config import Config
from ablation.config.declare import keys_of, parse, resolve, to_text
from ablation.config.entries import ENTRY_POINTS
from ablation.config.metrics import MEASURES
from ablation.config.mlproject import configuration_page, mlproject
from ablation.config.recipes import RECIPES
from ablation.errors import ConfigError
from ablation.train.pretraining import pretraining_identity

ROOT = Path(__file__).parents[1]
KEYS = keys_of(Config)


def problems(given: dict) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        resolve(Config, given)
    return caught.value.problems


def test_the_defaults_are_those_of_the_original():
    config = Config()
    published = {
        "visual": "resnet", "latent_dim": 16, "epochs": 5, "batch_size": 8, "learning_rate": 0.001,
        "seed": 0, "dataset": "storyworld", "text_target": "frame4", "image_heads": "shared",
        "latent_norm": "relu", "equalize": True, "windows": "first",
        "scored_windows": "same", "text_dim": 16, "fused_dim": 16,
        "text_decoder": "frozen", "text_conditioning": "initial", "word_dropout": 0.0,
        "text_encoder": "lstm", "visual_pretraining": 0, "text_pretraining": 15, "image_weight": 1.0,
        "text_weight": 1.0, "context_weight": 0.2, "tokenizer": "auto", "precision": "fp32",
        "device": "auto", "resume": None,
    }  # fmt: skip
    assert {name: getattr(config, name) for name in published} == published


@pytest.mark.parametrize(
    "key, value",
    [
        ("latent_dim", "0"), ("latent_dim", "16.5"), ("epochs", "-1"), ("epochs", "five"), ("visual", "vgg"),
        ("learning_rate", "nan"), ("learning_rate", "0"), ("learning_rate", "1e400"), ("equalize", "maybe"),
        ("word_dropout", "1"), ("seed", ""), ("max_stories", "2"), ("max_stories", str(10**30)),
        ("batch_size", "1e3"), ("dataset", " "),
    ],
)  # fmt: skip
def test_a_bad_value_is_named_with_its_limits(key, value):
    (problem,) = problems({key: value})
    assert problem.startswith(f"{key}={value}")
    assert KEYS[key].limits in problem


def test_every_problem_comes_at_once():
    found = problems({"latent_dim": "0", "epochs": "-3", "visul": "resnet", "visual": "resnett"})
    assert len(found) == 4
    assert "did you mean visual?" in " ".join(found)
    assert "did you mean resnet?" in " ".join(found)


def test_values_that_do_not_go_together_are_refused():
    assert "raise one" in problems({"image_weight": 0, "text_weight": 0, "context_weight": 0})[0]
    nothing = {"image_weight": 0, "text_weight": 0, "image_heads": "single"}
    assert "no context loss: raise one" in problems(nothing)[0]
    assert Config(image_weight=0, text_weight=0).context_weight > 0
    assert "text_decoder=trained" in problems({"word_dropout": 0.3})[0]
    (told,) = problems({"context_weight": 0.5, "image_heads": "single"})
    assert "context_weight=0.5 does nothing" in told
    assert Config(image_heads="single").context_weight and Config(image_heads="single", context_weight=0)
    assert (
        "world_stories=30 is of dataset=storyworld only"
        in problems({"world_stories": 30, "dataset": "mine"})[0]
    )
    for looks_back in ("text_attention", "text_copy"):
        (told,) = problems({"text_dim": 1, looks_back: "words"})
        assert f"{looks_back}=words: give at least 2" in told
    assert Config(text_dim=1).text_dim == 1


def test_a_configuration_cannot_be_changed():
    with pytest.raises(FrozenInstanceError):
        Config().epochs = 6


@given(st.data())
def test_the_text_of_a_value_reads_back_as_the_value(data):
    key = data.draw(st.sampled_from(list(KEYS.values())))
    if key.choices:
        value = data.draw(st.sampled_from(key.choices))
    elif key.kind is bool:
        value = data.draw(st.booleans())
    elif key.kind is int:
        value = data.draw(st.integers(int(key.low), int(key.high or 10**6)))
    elif key.kind is float:
        value = data.draw(st.floats(0.01, 0.99))
    else:
        words = st.text(ascii_letters + digits + "_/.-", min_size=2, max_size=20)
        value = data.draw(words.filter(lambda text: text != "none"))
    assert parse(key, to_text(value)) == value


@given(st.dictionaries(st.sampled_from([*KEYS, "unknown"]), st.text(max_size=12), max_size=4))
def test_any_text_is_either_a_configuration_or_a_clear_refusal(given):
    try:
        resolve(Config, given)
    except ConfigError as error:
        assert error.problems and all(error.problems)


def test_the_hash_tells_configurations_apart_and_ignores_where_they_run():
    assert Config(latent_dim=32).hash() != Config().hash()
    assert Config(seed=1).hash() != Config().hash()
    assert Config(device="cpu").hash() == Config().hash()


@pytest.mark.parametrize("windows", ["first", "sliding"])
def test_scoring_the_same_windows_is_one_configuration_however_it_is_said(windows):
    same, said = Config(windows=windows), Config(windows=windows, scored_windows=windows)
    other = Config(windows=windows, scored_windows="first" if windows == "sliding" else "sliding")
    assert same.hash() == said.hash() != other.hash()
    assert same.run_name == said.run_name != other.run_name and "scored" not in same.run_name
    assert f"scored_windows={other.scored}" in other.run_name


def test_autoencoders_are_shared_where_the_same_windows_are_scored():
    def identity(**keys):
        return pretraining_identity("visual", Config(**keys), "data", "tokenizer")["hash"]

    assert identity() == identity(scored_windows="first") != identity(scored_windows="sliding")
    assert identity(windows="sliding", scored_windows="first") != identity()


@pytest.mark.parametrize(
    "changed, name",
    [
        ({"visual": "basecase"}, "Basecase"),
        ({"latent_dim": 128}, "ResNet128"),
        ({"latent_dim": 128, "epochs": 10}, "ResNet128-e10"),
        ({"latent_dim": 64, "seed": 3}, "ResNet64-s3"),
        ({"seed": 2, "epochs": 7, "latent_norm": "layernorm"}, "ResNet16-e7-s2-latent_norm=layernorm"),
        ({"dataset": "/tmp/my stories/"}, "ResNet16-dataset=my_stories"),
    ],
)
def test_run_names(changed, name):
    assert Config(**changed).run_name == name


def test_arms_do_not_depend_on_the_seed():
    assert Config(seed=4, epochs=10).arm == Config(epochs=10).arm == "ResNet16-e10"


def test_words_of_the_command_line():
    assert read_words(["--a", "1", "--b=x=y", "--c=-1"]) == ({"a": "1", "b": "x=y", "c": "-1"}, [])
    given, told = read_words(["stray", "--epochs", "--seed", "1", "--seed", "2"])
    assert given == {"seed": "2"} and len(told) == 3


@pytest.mark.parametrize(
    "words, named",
    [
        ("main --epochs 0 --word_dropout 0.3", ["epochs=0", "text_decoder=trained"]),
        ("main stray --epochs 0 --seed", ["stands alone", "--seed has no value", "epochs=0"]),
        ("main --recipe cured --epochs 0 --visul x", ["train --recipe", "unknown key visul", "epochs=0"]),
        ("summary --figures true --format x", ["name one with study", "format=x"]),
        ("prepare --export x --max_stories 9 --dataset y --epochs 0", ["epochs=0", "writes only", "max_stories=9"]),
        ("study stray --seeds 0 --study nope", ["stands alone", "seeds=0", "study=nope: there is no such file"]),
        ("plan --jobs 0 --image_weight 0 --text_weight 0 --context_weight 0", ["jobs=0", *["raise one"] * 6]),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_command_comes_at_once(words, named):
    entry, *rest = words.split()
    with pytest.raises(ConfigError) as caught:
        settings_of(ENTRY_POINTS[entry], rest)
    told = caught.value.problems
    assert len(told) == len(named) and all(name in "\n".join(told) for name in named), told


@pytest.mark.parametrize(
    "words, named",
    [
        ("main --text_decoder learned --word_dropout 0.3", "text_decoder=learned"),
        ("train --recipe curd --word_dropout 0.3", "recipe=curd"),
        ("main --word_dropout lots", "word_dropout=lots"),
        ("plan --text_decoder learned --word_dropout 0.3", "text_decoder=learned"),
        ("study --study=", "study="),
    ],
)
def test_nothing_is_said_of_what_hangs_on_a_bad_value(words, named):
    entry, *rest = words.split()
    with pytest.raises(ConfigError) as caught:
        settings_of(ENTRY_POINTS[entry], rest)
    (told,) = caught.value.problems
    assert told.startswith(named)


def test_a_recipe_given_twice_names_the_other_way():
    with pytest.raises(ConfigError, match="python -m ablation train --recipe"):
        settings_of(ENTRY_POINTS["main"], ["--recipe", "notebook"])


def test_each_recipe_has_an_entry_point_with_its_own_defaults():
    cured = settings_of(ENTRY_POINTS["cured"], ["--latent_dim", "8"])
    assert (cured.recipe, cured.text_target, cured.latent_dim) == ("cured", "frame5", 8)
    assert settings_of(ENTRY_POINTS["train"], ["--recipe", "cured", "--latent_dim", "8"]) == cured
    assert settings_of(ENTRY_POINTS["main"], []) == Config() == settings_of(ENTRY_POINTS["train"], [])
    listed = yaml.safe_load(mlproject())["entry_points"]["cured"]["parameters"]
    assert listed["batch_size"]["default"] == to_text(RECIPES["cured"]["batch_size"])
    assert "--batch_size 16" in entry_help(ENTRY_POINTS["cured"])


@pytest.mark.parametrize("name", ENTRY_POINTS)
def test_what_a_key_is_for_stands_in_its_column_or_on_the_next_line(name):
    heads = [line for line in entry_help(ENTRY_POINTS[name]).splitlines() if line.startswith("  --")]
    assert heads
    for line in heads:
        assert len(line.split()) == 2 or (line[31] == " " != line[32]), line


def test_a_run_is_named_after_the_recipe_it_is_nearest_to():
    cured = Config(**RECIPES["cured"])
    assert (
        cured.run_name == f"ResNet{cured.latent_dim}-cured"
        and cured.hash() == replace(cured, recipe="cured").hash()
    )
    changed = replace(cured, seed=2, epochs=9, latent_norm="relu")
    assert changed.run_name == f"ResNet{cured.latent_dim}-cured-e9-s2-latent_norm=relu"
    assert changed.arm == f"ResNet{cured.latent_dim}-cured-e9-latent_norm=relu"
    assert Config(latent_norm="layernorm").run_name == "ResNet16-latent_norm=layernorm"
    assert repeat_command(changed) == "python -m ablation cured --epochs 9 --seed 2 --latent_norm relu"


def test_mlproject_and_the_page_are_written_from_the_declarations():
    assert (ROOT / "MLproject").read_text() == mlproject()
    assert (ROOT / "docs" / "configuration.md").read_text() == configuration_page()


def test_mlproject_lists_what_the_interface_promises():
    entries = yaml.safe_load((ROOT / "MLproject").read_text())["entry_points"]
    assert set(entries) >= {"main", "summary", "prepare", "pretrain"}
    listed = {name: p["default"] for name, p in entries["main"]["parameters"].items()}
    assert listed == {
        "visual": "resnet", "latent_dim": "16", "epochs": "5", "batch_size": "8", "learning_rate": "0.001",
        "seed": "0", "dataset": "storyworld",
    }  # fmt: skip


def test_every_entry_point_has_its_module():
    for entry in ENTRY_POINTS.values():
        assert (ROOT / "ablation" / "commands" / f"{entry.module}.py").is_file()
        assert set(entry.listed) <= {f.name for f in fields(entry.settings)}


def test_the_total_hangs_on_all_that_its_parts_hang_on():
    parts = {key for loss in ("image", "text", "context") for key in MEASURES[f"test/{loss}_loss"].yardstick}
    assert parts <= set(MEASURES["test/total_loss"].yardstick)
