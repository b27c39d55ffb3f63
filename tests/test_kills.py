"""Killed at any moment of any phase, the same command ends with the same numbers, each of them once."""

import random
import re
import signal
from collections import Counter

import pytest
from mlflow import MlflowClient

from tests.killed_run import KilledRun, moments

FAST = ("--epochs", 3, "--text_pretraining", 2, "--batch_size", 4)
CURED = (
    *("--epochs", 2, "--latent_dim", 8, "--text_dim", 16, "--fused_dim", 16, "--batch_size", 16),
    *("--visual_pretraining", 1, "--text_pretraining", 1),
)
KILLS_IN_A_ROW = 6
PHASE = re.compile(r"[0-9a-f]{32}|[0-9.]+|\S*/\S*")


def runs_of(folder):
    client = MlflowClient(f"sqlite:///{folder}/mlflow.db")
    return client, client.search_runs([e.experiment_id for e in client.search_experiments()])


def numbers(folder):
    """By kind, metric and step, the values of the finished runs; speed left out."""
    client, runs = runs_of(folder)
    assert {run.info.status for run in runs} == {"FINISHED"}, [run.data.tags for run in runs]
    found = {}
    for run in runs:
        for name in run.data.metrics:
            for point in client.get_metric_history(run.info.run_id, name):
                key = (run.data.tags["kind"], run.data.tags.get("part"), name, point.step)
                found.setdefault(key, []).append(0 if name.startswith("speed") else point.value)
    return found


def until_it_is_through(run, kills, signals=(signal.SIGKILL,)):
    """The phases that the kills hit, by what was said last."""
    phases, draws = [], random.Random(0)
    for after in kills:
        how = draws.choice(signals)
        before = len(run.told())
        code, seconds = run.killed(after, how)
        assert code in (0, 130, -signal.SIGKILL), run.last_line()
        assert seconds < 10, f"ended {seconds:.1f} s after {how.name}: {run.last_line()}"
        said = [line for line in run.told()[before:].splitlines() if line not in ("", "stopped")]
        phases.append("through" if code == 0 else said[-1] if said else "starting")
        if code == 0:
            break
    else:
        code, _ = run.whole()
        assert code == 0, run.last_line()
    return phases


@pytest.fixture(scope="module")
def undisturbed(world, tmp_path_factory):
    """By recipe, the numbers of a run that nobody stops, and its seconds."""
    found = {}

    def of(recipe, words):
        if recipe not in found:
            KilledRun(tmp_path_factory.mktemp("imports"), ["--help"]).whole()
            run = KilledRun(tmp_path_factory.mktemp(recipe), [recipe, "--dataset", world, *words])
            code, seconds = run.whole()
            assert code == 0, run.last_line()
            found[recipe] = numbers(run.folder), seconds
        return found[recipe]

    return of


def test_killed_three_times_and_terminated_once(world, tmp_path, undisturbed):
    expected, seconds = undisturbed("main", FAST)
    assert all(len(values) == 1 for values in expected.values())
    run = KilledRun(tmp_path / "killed", ["main", "--dataset", world, *FAST])
    until_it_is_through(run, [0.7 * seconds, 0.5 * seconds, 0.6 * seconds])
    terminated = KilledRun(tmp_path / "terminated", ["main", "--dataset", world, *FAST], often=False)
    until_it_is_through(terminated, [0.8 * seconds], [signal.SIGTERM])
    assert numbers(run.folder) == numbers(terminated.folder) == expected


@pytest.mark.faults
@pytest.mark.parametrize("recipe, words", [("main", FAST), ("cured", CURED)])
def test_killed_at_many_random_moments(world, tmp_path, undisturbed, recipe, words):
    """Sixty in all, half of them with SIGTERM, in rows of six from an empty cache and store."""
    expected, seconds = undisturbed(recipe, words)
    phases, kills = Counter(), 0
    for row in range(30):
        run = KilledRun(tmp_path / str(row), [recipe, "--dataset", world, *words])
        hit = until_it_is_through(
            run, moments(row, seconds, KILLS_IN_A_ROW), (signal.SIGKILL, signal.SIGTERM)
        )
        assert numbers(run.folder) == expected
        kills += len(hit)
        phases.update(PHASE.sub("", line)[:60] for line in hit)
        if kills >= 30:
            break
    print(f"{recipe}: {kills} stops over {seconds:.1f} s each:", *phases.most_common(), sep="\n")
    assert kills >= 30
