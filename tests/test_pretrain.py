"""Autoencoders that are found, trained again where they are damaged, and gone on with where they were stopped."""

import threading
from pathlib import Path
from urllib.parse import urlparse

import pytest
from mlflow import MlflowClient

from ablation.commands import pretrain as module
from ablation.track import mlflow_run
from ablation.track.mlflow_run import CONTINUES_TAG, MlflowRun
from ablation.track.patience import PATIENCE
from ablation.track.query import find_runs, metric_history
from ablation.train.checkpoint import load_checkpoint, save_checkpoint
from ablation.train.loop import fit

WORDS = ("--batch_size", 4, "--text_pretraining")


@pytest.fixture
def pretrain(command, world, store, monkeypatch):
    """The command; `(exit code, printed)`."""
    monkeypatch.setenv("ABLATION_CACHE", str(store / "cache"))

    def run(epochs: int = 1) -> tuple[int, str]:
        code, out, err = command("pretrain", "--dataset", world, *WORDS, epochs)
        return code, out + err

    return run


def best_of(run) -> Path:
    return (
        Path(urlparse(MlflowClient().get_run(run.run_id).info.artifact_uri).path) / "checkpoints" / "best.pt"
    )


def of_other_keys(file: Path) -> None:
    contents = load_checkpoint(file)
    save_checkpoint(file, contents | {"identity": contents["identity"] | {"seed": "7"}})


@pytest.mark.parametrize(
    "damage, told",
    [
        (lambda file: file.write_bytes(file.read_bytes()[:999]), "best.pt is not a whole checkpoint"),
        (lambda file: file.unlink(), "the run has lost its artifact checkpoints/best.pt"),
        (of_other_keys, "is of other data, keys, code or packages"),
    ],
    ids=["torn", "lost", "another's"],
)
def test_an_autoencoder_whose_weights_are_damaged_is_trained_again(pretrain, damage, told):
    assert pretrain()[0] == 0
    (first,) = find_runs("pretrain")
    damage(best_of(first))
    code, out = pretrain()
    assert code == 0 and f"that of run {first.run_id} cannot be used" in out and told in out
    assert "Remove it" not in out
    second = find_runs("pretrain")[-1]
    assert [run.status for run in find_runs("pretrain")] == ["FINISHED"] * 2
    assert metric_history(second.run_id, "val/text_loss") == metric_history(first.run_id, "val/text_loss")
    assert f"stands already: run {second.run_id}" in pretrain()[1]


@pytest.mark.parametrize("opened", [False, True], ids=["plain", "mlflow run"])
def test_pretraining_that_was_stopped_goes_on(pretrain, monkeypatch, opened):
    def stopping_fit(task, optimizer, state, after_epoch, tick):
        def after(*words):
            after_epoch(*words)
            raise KeyboardInterrupt

        return fit(task, optimizer, state, after, tick)

    with monkeypatch.context() as changed:
        changed.setattr("ablation.commands.training.fit", stopping_fit)
        assert pretrain(2)[0] == 130
    (stopped,) = find_runs("pretrain")
    if opened:
        monkeypatch.setenv("MLFLOW_RUN_ID", MlflowClient().create_run("0").info.run_id)
    code, out = pretrain(2)
    assert code == 0 and "going on after epoch 1 of 2" in out
    *_, ended = find_runs("pretrain")
    assert ended.status == "FINISHED" and (ended.run_id != stopped.run_id) is opened
    assert ended.tags.get(CONTINUES_TAG) == (stopped.run_id if opened else None)


def test_what_others_wait_for_waits_longer_for_a_server_that_is_away(pretrain, monkeypatch):
    """A minute's outage at the end of a pretraining does not end the run that needs it."""
    monkeypatch.setattr(mlflow_run, "SECONDS_TO_DELIVER", 0.1)
    finish = MlflowRun.finish

    def outage(run, patience=None):
        assert patience == PATIENCE
        send = run.delivery.send

        def away(entry):
            raise ConnectionError("Connection refused")

        run.delivery.send = away
        threading.Timer(2, lambda: setattr(run.delivery, "send", send)).start()
        finish(run, patience)

    monkeypatch.setattr(MlflowRun, "finish", outage)
    assert pretrain()[0] == 0
    assert [run.status for run in find_runs("pretrain")] == ["FINISHED"]


def test_weights_that_cannot_be_fetched_are_not_trained_again(pretrain, monkeypatch):
    assert pretrain()[0] == 0

    def refuse(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(MlflowClient, "download_artifacts", refuse)
    code, out = pretrain()
    assert code == 1 and "checkpoints/best.pt cannot be fetched" in out and len(find_runs("pretrain")) == 1
    assert module.find_pretrained(find_runs("pretrain")[0].tags["pretrain_hash"])
