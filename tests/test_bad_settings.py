"""Broken words, keys and values: each gives settings or a clear refusal."""

import random
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ablation import __main__ as program
from ablation.commands.notes import repeat_command
from ablation.commands.prepare import free_folder
from ablation.config.config import Config
from ablation.config.declare import Settings, keys_of, resolve
from ablation.config.entries import ENTRY_POINTS
from ablation.errors import AblationError, ConfigError
from ablation.places import writable_folder
from ablation.track.query import get_record

NASTY = (
    "", " ", "nan", "-nan", "inf", "-inf", "-0", "-0.0", "1e999", "1e-999", "9" * 400, "9" * 5000, "-" + "9" * 400,
    "0x10", "1_000", "١٢", "½", "1,5", "1e3", "0.1.2", "none", "None", "null", "true", "[]", "{}", "x" * 999, "x" * 1001,
    "x" * 100_000, "../../etc/passwd", "/", "/dev/null", "~", "~nobody/x", "a/b", "a/../b", "$(touch ran)", "`id`",
    "; rm -rf x", "| cat", "&& id", "'", '"', "\\", "%s%n", "{0}", "--seed", "a=b", "\0", "a\nb", "\x1b[2J", "\udcff",
    "\ufeff", "\u202eabc", "é" * 300, "🎬", "*", "?", "<a>", "null\0",
)  # fmt: skip


@pytest.fixture
def run(monkeypatch, capsys, tmp_path):
    """Runs words up to the checked settings: `(exit code, complaint, settings)`; nothing is trained."""
    monkeypatch.chdir(tmp_path)  # else ../../etc/passwd may be a file, and a study
    kept = []
    command = SimpleNamespace(run=lambda checked, console: kept.append(checked) or 0)
    monkeypatch.setattr(program, "import_module", lambda name: command)

    def run(words) -> tuple[int, str, Settings | None]:
        kept.clear()
        code = program.main(list(words))
        complaint = capsys.readouterr().err
        assert code in (0, 1, 2, 3) and "Traceback" not in complaint and len(complaint) < 4000, words
        assert all(line.isprintable() for line in complaint.splitlines()), complaint
        return code, complaint, kept[0] if kept else None

    return run


@pytest.mark.parametrize("entry", ["main", "prepare", "pretrain", "summary", "study"])
def test_every_key_with_every_nasty_value(run, entry):
    declared = keys_of(ENTRY_POINTS[entry].settings)
    for name, value in ((name, value) for name in declared for value in NASTY):
        code, complaint, checked = run([entry, f"--{name}={value}"])
        if code == 0:
            texts = checked.texts()
            assert "".join(texts.values()).encode() and resolve(type(checked), texts).texts() == texts
        else:
            assert code == 2 and (f"{name}=" in complaint or name == "recipe"), complaint
            assert any(
                cure in complaint
                for cure in ("give ", "did you mean", "leave it out", "name one", "only", "train --recipe")
            )


def test_overrides_of_a_study_with_nasty_values(run):
    draws = random.Random(5)
    for name, value in ((name, value) for name in keys_of(Config) for value in draws.sample(NASTY, 3)):
        code, complaint, _ = run(["plan", "--study", "published", f"--{name}={value}"])
        assert code == 0 or name in complaint


def test_hundreds_of_broken_command_lines(run):
    draws, codes = random.Random(7), []
    keys = [f"--{name}" for name in keys_of(Config)]
    pieces = [
        *keys,
        *NASTY,
        "--",
        "-",
        "---",
        "--=",
        "--x",
        "--epochs=",
        "=",
        "3",
        "cured",
        "main",
        "help",
        *ENTRY_POINTS,
    ]
    for _ in range(600):
        first = draws.choice((*ENTRY_POINTS, *pieces))
        codes.append(run([first, *draws.choices(pieces, k=draws.randint(0, 5))])[0])
    assert codes.count(0) > 20 and codes.count(2) > 300


@settings(max_examples=100)
@given(st.lists(st.text(max_size=20), max_size=5), st.sampled_from(list(ENTRY_POINTS)))
def test_any_words_are_settings_or_a_refusal(words, entry):
    try:
        program.settings_of(program.entry_of(entry), words)
    except ConfigError as error:
        assert error.problems and all(problem.isprintable() for problem in error.problems)


@given(st.text(min_size=1, max_size=40))
def test_any_unknown_command_is_named(name):
    if name not in ENTRY_POINTS:
        with pytest.raises(ConfigError, match=r"unknown command .*(did you mean|the commands are)"):
            program.entry_of(name)


def test_an_integer_of_any_length_is_no_number_of_epochs():
    for value in (10**400, 10**5000, "9" * 5000):
        with pytest.raises(ConfigError, match=r"latent_dim|digits"):
            Config(latent_dim=value)


@pytest.mark.parametrize("key", ["dataset", "tokenizer", "sentence_model", "resume"])
def test_a_text_of_thousands_of_characters_is_refused(key):
    with pytest.raises(ConfigError, match=rf"{key}=x{{80}}… has 1,001 characters: give at most 1,000"):
        Config(**{key: "x" * 1001})


def test_the_command_that_repeats_a_run_is_safe_to_paste():
    config = Config(dataset="my stories; rm -rf ~", text_encoder="minilm", sentence_model="$(id)")
    assert "--dataset 'my stories; rm -rf ~'" in repeat_command(config)
    assert "--sentence_model '$(id)'" in repeat_command(config)


@pytest.mark.parametrize(
    "place", ["/dev/null/x", "x" * 300, "/proc/nothing/here"], ids=lambda place: place[:12]
)
@pytest.mark.parametrize("make", [free_folder, writable_folder])
def test_a_folder_that_cannot_be_made_is_named_before_the_work(make, place):
    with pytest.raises(AblationError, match=r"(export|out)=.* cannot be a folder"):
        make(place)


@pytest.mark.parametrize("make", [free_folder, writable_folder])
def test_a_home_of_nobody_is_a_name_like_any_other(make, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert make("~nobody-of-that-name/x").is_dir()


@pytest.mark.parametrize("run_id", ["../../etc/passwd", "' or 1=1 --", "x" * 900, "%", "é", "*"])
def test_a_run_of_any_name_is_looked_for_and_not_found(store, run_id):
    with pytest.raises(AblationError, match="there is no run"):
        get_record(run_id)
