"""Broken study files and bombs of YAML: each gives a study or a clear refusal, in bounded time."""

import random
import time

import pytest
import yaml

from ablation.config.study_file import load_study
from ablation.config.yaml_text import LONGEST_TEXT, read_yaml
from ablation.errors import ConfigError

GOOD = """\
name: mine
question: Does it matter?
primary: test/image_loss
metrics:
  test/image_loss: {delta: 0.01, effect: 0.05, reason: a grey level}
baseline: {arm: first, visual: basecase}
arms:
  norm: {latent_norm: layernorm}
factorial:
  fused_dim: [16, 32]
  text_dim: [16, 32]
one_factor_in: {wide: {fused_dim: 64}}
one_factor_out: {deep: {text_dim: 64}, raw: {equalize: false}}
published:
  source: a paper
  dataset: theirs
  rows: {norm: {Epoch: 5, Image Loss: 0.24}}
"""
PIECES = (
    ":", ": ", "- ", "[", "]", "{", "}", ",", "&a ", "*a", "<<: *a\n", "!!python/object/apply:os.system ['touch ran']",
    "!!binary x", "!x ", "? ", "|", ">", "'", '"', "#", "%", "@", "`", "\n", "  ", "\t", "\0", "\x85", "\ufeff", "é", "null", "~",
    ".nan", ".inf", "-.inf", "1e999", "9" * 30, "9" * 5000, "0x" + "f" * 30, "1:" * 10 + "1", "2024-13-45", "2024-01-01", "yes",
    "---\n", "...\n", "\\ud800", "test/image_loss", "seed: 3\n", "recipe: cured", "-1", "0", "true",
)  # fmt: skip


def broken(draws: random.Random) -> str:
    text = GOOD
    for _ in range(draws.choice((1, 1, 1, 2, 4))):
        place, turn = draws.randrange(len(text) + 1), draws.randrange(4)
        if turn == 0:
            text = text[:place] + draws.choice(PIECES) + text[place:]
        elif turn == 1:
            text = text[:place] + draws.choice(PIECES) + text[place + draws.randint(1, 12) :]
        elif turn == 2:
            lines = text.splitlines(keepends=True) or [""]
            lines.insert(draws.randrange(len(lines) + 1), draws.choice(lines))
            text = "".join(lines)
        else:
            word = draws.choice(text.split() or [""])
            text = text.replace(word, draws.choice(PIECES), 1)
    return text


def sweep(file, count: int) -> None:
    draws, studies, slowest = random.Random(19), 0, 0.0
    assert [arm.name for arm in _loaded(file, GOOD).arms][:2] == ["first", "norm"]
    for _ in range(count):
        began = time.perf_counter()
        try:
            study = _loaded(file, broken(draws))
            assert study.arms and study.name.isprintable() and study.delta_hash and study.arms_hash
            studies += 1
        except ConfigError as error:
            assert all(str(file) in problem and len(problem) < 900 for problem in error.problems), error
            assert all(problem.isprintable() for problem in error.problems), error
        slowest = max(slowest, time.perf_counter() - began)
    assert count / 50 < studies < count and slowest < 3


def _loaded(file, text: str):
    file.write_bytes(text.encode(errors="replace"))
    return load_study(str(file))


def test_hundreds_of_broken_study_files(tmp_path):
    sweep(tmp_path / "s.yaml", 500)


@pytest.mark.slow
def test_ten_thousand_broken_study_files(tmp_path):
    sweep(tmp_path / "s.yaml", 10_000)


N = LONGEST_TEXT
LAUGHS = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{chr(98 + n)}: &{chr(98 + n)} [{', '.join(['*' + chr(97 + n)] * 9)}]\n" for n in range(20)
)
BOMBS = {
    "a billion laughs": (LAUGHS, "line 5: with all aliases it is 20,000 values or more"),
    "one that holds itself": ("a: &a [*a]", "with all aliases"),
    "merges of merges": ("k0: &k0 {z: 1}\n" + "".join(f"k{n}: &k{n}\n  <<: [{', '.join([f'*k{n - 1}'] * 9)}]\n" for n in range(1, 30)), "with all aliases"),
    "lists in lists": ("[" * N, "nested more than 20 deep"),
    "mappings in mappings": ("{a: " * (N // 4), "nested more than 20 deep"),
    "lines of lists": ("- " * (N // 2), "nested more than 20 deep"),
    "21 levels": ("[" * 21 + "]" * 21, "line 1: it is nested more than 20 deep"),
    "many values": ("- a\n" * (N // 4), "20,000 values"),
    "a number of 100,000 digits": ("a: " + "9" * (N - 10), "line 1: a number of 99,990 characters"),
    "the same in hexadecimal": ("a: 0x" + "f" * (N - 10), "a number of"),
    "the same in base 60": ("a: 1" + ":10" * (N // 3 - 9), "a number of"),
    "a day that is none": ("a: 1\nb: 2024-13-45", "line 2: what is tagged timestamp is not taken"),
    "an object": ("a: !!python/object/apply:os.system ['true']", "line 1: what is tagged python/object/apply:os.system is not taken, nor run"),
    "bytes": ("a: !!binary aGVsbG8=", "tagged binary"),
    "a key twice": ("a: {b: 1,\n b: 2}", "b stands there twice"),
    "a key twice, once quoted": ("16: 1\n'16': 2", "16 stands there twice"),
    "no, the name": ("arms:\n  no: {epochs: 2}", "line 2: YAML takes the name no for no text: put it in quotes"),
    "a list for a key": ("[a]: 1", "unhashable key"),
    "two documents": ("a: 1\n---\nb: 2", "single document"),
    "an alias to nothing": ("a: *b", "undefined alias"),
    "too long": ("a" * (N + 1), "100,001 characters, more than 100,000: shorten it"),
    "a character that is none": ("a: \x01", "special characters are not allowed"),
}  # fmt: skip


@pytest.mark.parametrize("text, told", BOMBS.values(), ids=BOMBS)
def test_a_bomb_of_yaml_is_refused_at_once(text, told):
    began = time.perf_counter()
    with pytest.raises(ValueError) as error:
        read_yaml(text)
    assert told in str(error.value) and len(str(error.value)) < 500, error.value
    assert time.perf_counter() - began < 3


def test_aliases_and_merges_are_taken_as_yaml_has_them():
    text = "a: &a {x: 1, y: [1, 2.5, true, null, text]}\nb: {<<: *a, x: 2}\nc: *a"
    assert read_yaml(text) == yaml.safe_load(text) and read_yaml("") is None


@pytest.mark.parametrize(
    "more, told",
    [
        ({"factorial": {key: list(range(2, 60)) for key in ("epochs", "latent_dim", "text_dim", "fused_dim", "batch_size")}}, "more than 1,000 arms"),
        ({"arms": {f"a{n}": {"epochs": n + 6} for n in range(1001)}}, "more than 1,000 arms"),
        ({"name": "a\0b"}, "name holds characters that cannot be printed"),
        ({"arms": {"../../up": {"epochs": 6}}}, "its name must be 1 to 60 letters"),
        ({"arms": {"x" * 61: {"epochs": 6}}}, "its name must be 1 to 60 letters"),
        ({"published": {"source": "a", "dataset": "b", "rows": {"norm": {"Image Loss": "nan"}}}}, "published: norm: Image Loss=nan is not allowed: give a number"),
        ({"published": {"source": "a", "dataset": "b", "rows": {"norm": {"Image Loss": float("nan")}}}}, "Image Loss=nan is not allowed"),
        ({"metrics": {"test/image_loss": {"delta": float("inf"), "reason": "x"}}}, "delta=inf is not allowed"),
        ({"baseline": {"epochs": [["x" * 5000]]}}, "epochs=[['xxx"),
    ],
    ids=lambda value: value[:30] if isinstance(value, str) else "",
)  # fmt: skip
def test_a_study_of_the_wrong_size_or_names(tmp_path, more, told):
    with pytest.raises(ConfigError) as error:
        _loaded(tmp_path / "s.yaml", yaml.safe_dump(yaml.safe_load(GOOD) | more))
    assert told in str(error.value) and len(str(error.value)) < 3000, error.value


@pytest.mark.parametrize(
    "name",
    [
        "",
        "~nobody-of-that-name/s",
        "x" * 5000,
        "\0",
        "/",
        "/dev/zero",
        "/proc/self/mem",
        "../published",
        "a;b",
        "key",
    ],
)
def test_a_study_that_is_no_file_is_named(name):
    with pytest.raises(ConfigError, match=r"there is no such file|cannot be read"):
        load_study(name)


@pytest.mark.parametrize(
    "content",
    [b"", b"\0" * 99, b"\x89PNG\r\n\x1a\n", b"\xff\xfe", "é".encode("latin-1"), b"PK\3\4"],
    ids=repr,
)
def test_a_study_file_that_is_no_text_is_refused(tmp_path, content):
    (tmp_path / "s.yaml").write_bytes(content)
    with pytest.raises(ConfigError, match=r"not YAML|as text|mapping of sections"):
        load_study(str(tmp_path / "s.yaml"))
