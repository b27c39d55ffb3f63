"""A tokenizer or a sentence encoder in a folder that changes under the same name is another one."""

import shutil

import pytest

from ablation.commands.stories import load_stories
from ablation.config.config import Config
from ablation.console import Console
from ablation.data.folders import folder_digest
from ablation.data.store import named_folders
from ablation.data.tokens import train_wordpiece
from ablation.track.query import find_runs
from tests.test_end_to_end import FAST, stopped_after

FIRST, SECOND = "anna opens a door", "anna opens the door of a kitchen and waits for the other one"


def tokenizer_of(text, folder):
    shutil.rmtree(folder, ignore_errors=True)
    train_wordpiece([text] * 3).save_pretrained(folder)
    return str(folder)


def test_only_local_folders_count_and_only_those_that_are_read(tmp_path, monkeypatch):
    assert named_folders(Config()) == {} == named_folders(Config(dataset="daniel3303/StoryReasoning"))
    (tmp_path / "trained").mkdir()
    (tmp_path / "encoder").mkdir()
    monkeypatch.chdir(tmp_path)
    assert named_folders(Config()) == {}
    assert named_folders(Config(sentence_model="encoder", text_encoder="minilm")).keys() == {"sentence_model"}
    assert named_folders(Config(tokenizer="encoder")).keys() == {"tokenizer"}


def test_the_digest_is_that_of_names_and_bytes(tmp_path):
    (tmp_path / "a").mkdir()
    file = tmp_path / "a" / "vocab.txt"
    seen = [folder_digest(str(tmp_path / "a"))]
    for name, text in (("vocab.txt", "x"), ("vocab.txt", "y"), ("other.txt", "y")):
        file.unlink(missing_ok=True)
        file = tmp_path / "a" / name
        file.write_text(text)
        seen.append(folder_digest(str(tmp_path / "a")))
    assert len(set(seen)) == 4 and folder_digest(str(tmp_path / "nowhere")) is None
    shutil.copytree(tmp_path / "a", tmp_path / "b")
    assert folder_digest(str(tmp_path / "b")) == seen[-1]


def test_a_tokenizer_that_changes_makes_other_tokens(world, tmp_path):
    config = Config(dataset=str(world), tokenizer=tokenizer_of(FIRST, tmp_path / "tokenizer"))
    before = load_stories(config, Console())
    assert load_stories(config, Console()).store.note == "found"
    tokenizer_of(SECOND, tmp_path / "tokenizer")
    after = load_stories(config, Console())
    assert after.vocabulary.size > before.vocabulary.size
    settings = tmp_path / "tokenizer" / "tokenizer_config.json"
    settings.write_text(settings.read_text().replace('"do_lower_case": true', '"do_lower_case": false'))
    again = load_stories(config, Console())  # the same vocabulary, used in another way
    assert len({s.store.tokenizer_hash for s in (before, after, again)}) == 3


def test_a_run_does_not_go_on_with_a_tokenizer_that_changed(command, store, world, monkeypatch):
    words = (
        "main",
        "--dataset",
        world,
        *FAST,
        "--epochs",
        2,
        "--tokenizer",
        tokenizer_of(FIRST, store / "t"),
    )
    with monkeypatch.context() as changed:
        stopped_after(changed, 1)
        assert command(*words)[0] == 130
    (stopped,) = find_runs("train")
    tokenizer_of(SECOND, store / "t")
    code, _, err = command(*words, "--resume", stopped.run_id)
    assert code == 1 and "the folder of the tokenizer or sentence model changed" in err
    code, out, err = command(*words)
    assert code == 0 and "unfinished run" not in out, err
    *_, anew = find_runs("train")
    assert anew.tags["config_hash"] == stopped.tags["config_hash"]
    assert anew.tags["cell_hash"] != stopped.tags["cell_hash"]


@pytest.mark.parametrize("key", ["tokenizer", "sentence_model"])
def test_the_default_is_of_the_hub_or_of_the_data(key):
    assert not folder_digest(getattr(Config(), key))
