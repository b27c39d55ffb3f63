"""Autoencoders that are found, trained again where they are damaged, and gone on with where they were stopped."""

import threading
from pathlib import Path
from urllib.parse import urlparse

import numpy as np
import pytest
import torch
from mlflow import MlflowClient
from torch import nn

from ablation.commands import pretrain as module
from ablation.commands.stories import load_stories
from ablation.config.config import Config
from ablation.console import Console
from ablation.data.statistics import median_frame
from ablation.track import mlflow_run
from ablation.track.clock import now
from ablation.track.mlflow_run import CONTINUES_TAG, MlflowRun
from ablation.track.owner import CLAIM_TAG, HEARTBEAT_TAG, OWNER_TAG, AtWork
from ablation.track.patience import PATIENCE
from ablation.track.query import find_runs, get_record, metric_history
from ablation.train.checkpoint import load_checkpoint, save_checkpoint
from ablation.train.loop import fit
from ablation.train.pretraining import LanguageTask, ReconstructionTask, TextCopyTask, every_row

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


def another_machine_is_at(run_id):
    MlflowClient().update_run(run_id, status="RUNNING")
    MlflowClient().set_tag(run_id, OWNER_TAG, "elsewhere b 1 2 3")
    MlflowClient().set_tag(run_id, HEARTBEAT_TAG, str(now()))


def test_what_another_machine_is_training_is_waited_for(pretrain, monkeypatch):
    pretrain()
    (there,) = find_runs("pretrain")
    another_machine_is_at(there.run_id)
    monkeypatch.setattr(
        module.time, "sleep", lambda _: MlflowClient().set_terminated(there.run_id, "FINISHED")
    )
    code, out = pretrain()
    assert code == 0 and f"another process trains it, run {there.run_id}: waiting" in out
    assert f"stands already: run {there.run_id}" in out and len(find_runs("pretrain")) == 1


def test_in_a_study_it_is_asked_for_again_later(pretrain, world):
    pretrain()
    (there,) = find_runs("pretrain")
    another_machine_is_at(there.run_id)
    config = Config(dataset=str(world), batch_size=4, text_pretraining=1)
    stories = load_stories(config, Console())
    with pytest.raises(AtWork, match=there.run_id):
        module.pretrained_autoencoder("text", config, stories, Console(), {CLAIM_TAG: "ours"})
    MlflowClient().set_tag(there.run_id, CLAIM_TAG, "ours")  # a machine that this study has given up
    _, run_id = module.pretrained_autoencoder("text", config, stories, Console(), {CLAIM_TAG: "ours"})
    assert get_record(run_id).status == "FINISHED"


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


class Constant(nn.Module):
    """Paints one image, or says words by their frequencies."""

    def __init__(self, image=None, log_frequencies=None):
        super().__init__()
        self.image, self.decoder = image, nn.Module()
        if log_frequencies is not None:
            self.decoder.output = nn.Linear(1, len(log_frequencies))
            self.decoder.output.weight.data.zero_()
            self.decoder.output.bias.data = log_frequencies

    def forward(self, batch):
        if self.image is not None:
            return self.image.expand(len(batch), 3, 60, 125)
        return torch.zeros(len(batch), batch.shape[1] - 1, 1)

    speak = forward


def test_the_floors_are_of_the_rows_that_are_validated_on(world):
    """What looks at nothing has the floor for its loss."""
    config = Config(dataset=str(world), visual_pretraining=1)
    stories = load_stories(config, Console())
    parts = stories.train, stories.validation
    image = torch.from_numpy(median_frame(stories.train.frames, every_row(stories.train)) / 255).float()
    painter = ReconstructionTask(config, Constant(image), *parts, torch.device("cpu"))
    assert module._floor(painter, stories)["floor/image_median"] == pytest.approx(
        painter.validate()["val/image_loss"], abs=1e-5
    )
    for kind in (TextCopyTask, LanguageTask):
        task = kind(
            config, Constant(log_frequencies=torch.zeros(1)), *parts, stories.vocabulary, torch.device("cpu")
        )
        said = stories.train.token_rows[task.rows(stories.train, 0)][:, 1:]
        counts = np.bincount(said[said != stories.vocabulary.pad], minlength=stories.vocabulary.size) + 1
        task.module = Constant(log_frequencies=torch.from_numpy(np.log(counts / counts.sum())).float())
        assert module._floor(task, stories)["floor/text_unigram"] == pytest.approx(
            task.validate()["val/text_loss"], abs=1e-4
        )
