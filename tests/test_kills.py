"""Killed at any moment of any phase, the same command ends with the same numbers, each of them once."""

import random
import signal
import time
from collections import Counter

import pytest
from mlflow import MlflowClient

from tests.killed_run import PHASES, KilledRun, durations, moments

FAST = ("--epochs", 3, "--text_pretraining", 2, "--batch_size", 4)
CURED = (
    *("--epochs", 2, "--latent_dim", 8, "--text_dim", 16, "--fused_dim", 16, "--batch_size", 16),
    *("--visual_pretraining", 1, "--text_pretraining", 1),
)
GONE_ON = "going on after "
TOLD = "an earlier call of this command had finished it"


def runs_of(folder, uri=None):
    client = MlflowClient(uri or f"sqlite:///{folder}/mlflow.db")
    return client, client.search_runs([e.experiment_id for e in client.search_experiments()])


def numbers(folder, uri=None):
    """By kind, metric and step, the values of the finished runs; speed left out."""
    client, runs = runs_of(folder, uri)
    assert {run.info.status for run in runs} == {"FINISHED"}, [run.data.tags for run in runs]
    found = {}
    for run in runs:
        for name in run.data.metrics:
            for point in client.get_metric_history(run.info.run_id, name):
                key = (run.data.tags["kind"], run.data.tags.get("part"), name, point.step)
                found.setdefault(key, []).append(0 if name.startswith("speed") else point.value)
    return found


def is_finished(folder):
    return any(r.info.status == "FINISHED" for r in runs_of(folder)[1] if r.data.tags["kind"] == "train")


def assert_gone_on(run, said, code, had):
    """Where training has got on although a checkpoint was there, it has gone on from that; where the stop came when all
    was done but not yet told, it has been told.
    """
    if TOLD in said:
        return
    of_training = said.rpartition("autoencoder: ")[2]
    if had and (code == 0 or "\ntraining " in of_training):
        assert GONE_ON in of_training, said


def stopped_in(run, phase, after, how):
    """The phase that a stop hit; None where the command was through before."""
    before, had = len(run.told()), run.has_trained()
    code, seconds, hit = run.killed(phase, after, how)
    said = run.told()[before:]
    assert code in (0, 130, -signal.SIGKILL), run.last_line()
    assert seconds < 10, f"ended {seconds:.1f} s after {how.name}: {run.last_line()}"
    assert_gone_on(run, said, code, had)
    if code == 130 and hit == "training":
        assert run.has_trained(), "a stop in the training left no checkpoint"
    return None if code == 0 else hit


def until_it_is_through(run, moments, signals=(signal.SIGKILL,)):
    """The phases that stops hit; then, where they did not come too late, the same command undisturbed."""
    hits, draws = [], random.Random(0)
    for phase, after in moments:
        hit = stopped_in(run, phase, after, draws.choice(signals))
        hits += [hit] if hit else []
        if hit is None or is_finished(run.folder):
            return hits
    before, had = len(run.told()), run.has_trained()
    code, _ = run.whole()
    assert code == 0, run.last_line()
    assert_gone_on(run, run.told()[before:], code, had)
    return hits


@pytest.fixture(scope="module")
def undisturbed(world, tmp_path_factory):
    """By recipe, the numbers of a run that nobody stops, and the seconds of its phases."""
    found = {}

    def of(recipe, words):
        if recipe not in found:
            KilledRun(tmp_path_factory.mktemp("imports"), ["--help"]).whole()
            run = KilledRun(tmp_path_factory.mktemp(recipe), [recipe, "--dataset", world, *words])
            code, _ = run.whole()
            assert code == 0, run.last_line()
            found[recipe] = numbers(run.folder), durations(run.phases(), time.monotonic())
        return found[recipe]

    return of


@pytest.mark.faults
def test_killed_three_times_and_terminated_once(world, tmp_path, undisturbed):
    expected, seconds = undisturbed("main", FAST)
    assert all(len(values) == 1 for values in expected.values())
    run = KilledRun(tmp_path / "killed", ["main", "--dataset", world, *FAST])
    kills = [("pretraining", 0.5), ("training", 0.7), ("testing", 0.5)]
    hits = until_it_is_through(run, [(phase, share * seconds[phase]) for phase, share in kills])
    terminated = KilledRun(tmp_path / "terminated", ["main", "--dataset", world, *FAST], often=False)
    assert until_it_is_through(terminated, [("training", 0.15 * seconds["training"])], [signal.SIGTERM])
    assert f"{GONE_ON}step" in terminated.told() and len(hits) >= 2
    assert numbers(run.folder) == numbers(terminated.folder) == expected


@pytest.mark.faults
@pytest.mark.parametrize("recipe, words", [("main", FAST), ("cured", CURED)])
def test_killed_at_many_random_moments(world, tmp_path, undisturbed, recipe, words, request):
    """So many stops (`--kills`), half of them with SIGTERM, in rows from an empty cache and store, in every phase."""
    expected, seconds = undisturbed(recipe, words)
    hits, wanted = Counter(), request.config.getoption("kills")
    for row in range(2 * wanted):
        run = KilledRun(tmp_path / str(row), [recipe, "--dataset", world, *words])
        hits.update(until_it_is_through(run, moments(row, seconds), (signal.SIGKILL, signal.SIGTERM)))
        assert numbers(run.folder) == expected
        if hits.total() >= wanted:
            break
    print(f"{recipe}: {hits.total()} stops:", *hits.most_common(), sep="\n")
    assert hits.total() >= wanted
    assert hits.keys() >= set(PHASES[: wanted // len(PHASES)])
