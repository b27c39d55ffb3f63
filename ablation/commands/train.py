"""One configuration, end to end, as one MLflow run."""

import json
from contextlib import suppress
from dataclasses import replace

from ablation.commands.checkpoints import furthest, inherit
from ablation.commands.epoch_records import EpochRecords
from ablation.commands.modelling import log_storyteller
from ablation.commands.notes import opening_note, outcome_note
from ablation.commands.outcome import diagnosis, outcome_table, where_to_look
from ablation.commands.pretrain import pretrained_autoencoder
from ablation.commands.stories import Stories, load_stories, require_sentences
from ablation.commands.training import (
    choose_device,
    compile_visual,
    require_compiler,
    train_task,
)
from ablation.config.config import Config, short_hash
from ablation.config.declare import keys_of
from ablation.console import Console
from ablation.data.oracle import window_oracles
from ablation.data.sentences import sentence_vectors
from ablation.data.sources import STORYWORLD
from ablation.data.store import named_folders
from ablation.data.tokens import choose_tokenizer
from ablation.data.windows import StoryWindows
from ablation.errors import AblationError, DataError, TrackingError
from ablation.memory import telling_of_memory
from ablation.models.storyteller import Storyteller
from ablation.ownership import held
from ablation.places import cache_folder
from ablation.track.code_state import cell_hash, code_hashes, code_state
from ablation.track.left_behind import left_unfinished, mark_dead_runs
from ablation.track.left_folders import remove_left_folders
from ablation.track.mlflow_run import CONTINUES_TAG, MlflowRun, closing
from ablation.track.query import RunRecord, get_record
from ablation.track.store import label_bystander, open_store, opened_by_mlflow_run, telling_mlflow_run
from ablation.track.views import runs_view, table_page
from ablation.train.examples import Gallery
from ablation.train.floors import floors, image_median_floor, oracle_floors
from ablation.train.questions import ask, evenly, passes
from ablation.train.scores import StoryScores
from ablation.train.story_task import StoryTask, Tick

KIND = "train"
MUST_STAY = {
    "data_hash": ("the data", "bring the data back as they were"),
    "folders_hash": ("the folder of the tokenizer or sentence model", "bring its files back as they were"),
    "code_hash": ("the code", "check out commit {code_commit}"),
    "environment_hash": ("the package versions", "install {environment}"),
}
MOST_ASKED = 160
BY_PASSES = 0.85
"""Of the time that testing takes, roughly: the rest is spent without the model."""


def run(config: Config, console: Console) -> int:
    """The commands `main` and `train`."""
    choose_device(config.device)
    if config.compile:
        require_compiler()
    open_store()
    delivered = mark_dead_runs(console.say)
    left = _require_unfinished(config.resume) if config.resume else None
    with telling_mlflow_run():
        require_sentences(config)
        stories = load_stories(config, console)
    cell = cell_hash(config.hash(), stories.source.digest, named_folders(config))
    if any(run.tags.get("cell_hash") == cell for run in delivered):
        label_bystander("delivered what an earlier call had finished", "bystander")
        console.say("an earlier call of this command had finished it: now the tracker has all of it")
        return 0
    if left:
        here = {"data_hash": stories.source.digest, **code_hashes(), **_folders_hash(config)}
        _require_same(left, here)
    with held(cache_folder() / "locks" / f"cell-{cell}", wait=False) as alone:
        tracked, left_by = _open_run(config, cell, console, alone)
        with closing(tracked):
            if left_by:
                inherit(tracked, left_by, console)
            tracked.save_view(runs_view())
            metrics = train(config, tracked, console, stories)
        with suppress(AblationError):  # the run is finished all the same
            remove_left_folders(cell)
    console.say("\n" + outcome_table(metrics) + "\n\n" + diagnosis(metrics))
    table = table_page(tracked.experiment_id, runs_view().key)
    console.say("\n" + where_to_look(("the run", tracked.page), ("all runs", table)))
    console.say(f"ask its model:  python -m ablation try --model {tracked.run_id}")
    return 0


def _require_unfinished(run_id: str) -> RunRecord:
    """Raises TrackingError where the run cannot go on."""
    record = get_record(run_id)
    if record.tags.get("kind") != KIND or record.status == "FINISHED":
        raise TrackingError(
            f"resume={run_id}: that run is {record.status} and of kind "
            f"{record.tags.get('kind', 'unknown')}; only unfinished training runs can go on"
        )
    return record


def _require_same(left: RunRecord, here: dict[str, str]) -> None:
    """Raises TrackingError where data, code or packages changed since: the run would be neither one nor the other."""
    for name, now in here.items():
        before = left.tags.get(name, now)
        if before != now:
            what, cure = MUST_STAY[name]
            raise TrackingError(
                f"resume={left.run_id}: {what} changed since the run began ({name} {now}, not {before}): "
                f"{cure.format(**left.tags)}, or begin a new run without resume"
            )


def _folders_hash(config: Config) -> dict[str, str]:
    """The tag of a run that reads local folders besides its data."""
    named = named_folders(config)
    return {"folders_hash": short_hash(named)} if named else {}


def _open_run(config: Config, cell: str, console: Console, alone: bool) -> tuple[MlflowRun, str | None]:
    """The run to be resumed; else the one that earlier calls of the same command left unfinished and that has trained
    last, where this process is `alone` at the cell; else a new one, or that of `mlflow run`, and the run that it goes on
    from.
    """
    left = config.resume or (_to_go_on_from(cell) if alone else None)
    if left and (config.resume or not opened_by_mlflow_run()):
        label_bystander(f"resume of {left}", "resume")
        console.say(f"going on with the unfinished run {left}")
        return MlflowRun.reopen(left), None
    tags = {"kind": KIND, "arm": config.arm, "config_hash": config.hash(), "cell_hash": cell}
    tracked = MlflowRun.start(config.run_name, tags | code_state() | ({CONTINUES_TAG: left} if left else {}))
    if left:
        console.say(f"going on from the unfinished run {left}")
    return tracked, left


def _to_go_on_from(cell: str) -> str | None:
    run = furthest(left_unfinished(cell))
    return run.run_id if run else None


@telling_of_memory()
def train(
    config: Config,
    tracked: MlflowRun,
    console: Console,
    stories: Stories,
    floor: dict[str, float] | None = None,
    expected_cell: str | None = None,
) -> dict[str, float]:
    """Returns the metrics of the best epoch, the floors and what the test gave. `floor` are the
    stories' floors, where they are known.

    Raises DataError where a cell of a study is expected and this machine has other data, code or packages.
    """
    console.say(f"run: {config.run_name}, id {tracked.run_id}")
    _declare(config, tracked, stories, expected_cell)
    floor = floor or all_floors(config, stories, console)
    task = _task(config, stories, floor, tracked, console)
    tracked.log_metrics(floor, step=0)
    records = EpochRecords(task, stories, tracked)
    records.before_training()
    label = f"training {config.run_name}"
    identity = config.identity()
    around = {"after_epoch": records.after, "once_more": records.once_more, "restored": task.forget_latents}
    state = train_task(task, tracked, identity, console, label, **around)
    test = _tested(task, stories, tracked, console)
    tracked.log_metrics(test, step=state.best_epoch)
    log_storyteller(config, task.module, stories.tokenizer, tracked, state.best_epoch)
    console.close()
    metrics = state.history[state.best_epoch - 1] | floor | test
    tracked.describe(outcome_note(config, metrics, state.best_epoch, tracked))
    return metrics


def _declare(config: Config, tracked: MlflowRun, stories: Stories, expected_cell: str | None) -> None:
    """What the run is, before it does anything. Raises DataError where it is not the cell that is expected."""
    texts, source = replace(config, resume=None).texts(), stories.source
    tracked.log_params(texts, keys_of(type(config)))
    tracked.log_text(json.dumps(texts, indent=1), "config.json")
    tracked.describe(opening_note(config))
    cell = cell_hash(config.hash(), source.digest, named_folders(config))
    if expected_cell not in (None, cell):
        raise DataError(
            f"this machine would train cell {cell}, not {expected_cell}: its data, its code or its package "
            "versions are not those that the study was started with"
        )
    tracked.set_tags(
        {
            "cell_hash": cell,
            "data_hash": source.digest,
            "tokenizer": choose_tokenizer(config.tokenizer, config.dataset),
            "tokenizer_hash": stories.store.tokenizer_hash,
            "split_hash": stories.split_hash,
            **_folders_hash(config),
        }
    )
    tracked.log_dataset(source.name, stories.digest, source.location, stories.profile)


def _tested(task: StoryTask, stories: Stories, tracked: MlflowRun, console: Console) -> dict[str, float]:
    """The metrics of the best checkpoint on the test windows; its scores, descriptions and pictures as artifacts."""
    tick = _testing(console, task, stories.test)
    test, outputs = task.test(stories.test, tick)
    losses = outputs.losses()
    tracked.log_text(StoryScores.of(stories.test, losses).csv(), "scores/test.csv")
    answers, written = ask(task, stories.test, outputs, stories.tokenizer, tick)
    tracked.log_text(written, "descriptions/test.csv")
    _show(Gallery.of(task, stories.test, losses["image"], stories.tokenizer), task.config.run_name, tracked)
    return test | answers


def _testing(console: Console, task: StoryTask, windows: StoryWindows) -> Tick:
    """Moves a bar; its end is left to probes, pictures and the model's folder."""
    label, total = f"testing {task.config.run_name}", round(passes(windows) / BY_PASSES)
    done = 0

    def tick(count: int) -> None:
        nonlocal done
        done += count
        console.progress(label, done, total)

    tick(0)
    return tick


def _show(gallery: Gallery, title: str, tracked: MlflowRun) -> None:
    for rank, picture in gallery.pages(title).items():
        tracked.log_picture(picture, f"predictions/test-{rank}.png")
    tracked.log_picture(gallery.sheet(), "predictions/test-frames.png")
    tracked.log_text(gallery.csv(), "predictions/test.csv")


def _task(
    config: Config, stories: Stories, floor: dict[str, float], tracked: MlflowRun, console: Console
) -> StoryTask:
    """The model on its device, its autoencoders pretrained where the configuration says so."""
    read_sentences(config, stories, console)
    text, text_run = pretrained_autoencoder("text", config, stories, console)
    visual, visual_run = pretrained_autoencoder("visual", config, stories, console)
    started_from = {"text_autoencoder": text_run, "visual_autoencoder": visual_run}
    tracked.set_tags({name: run_id for name, run_id in started_from.items() if run_id})
    device = choose_device(config.device)
    model = Storyteller(config, visual, text, stories.vocabulary.pad).to(device)
    if config.compile:
        compile_visual(model)
    return StoryTask(config, model, stories.train, stories.validation, stories.vocabulary, device, floor)


def read_sentences(config: Config, stories: Stories, console: Console) -> None:
    """Has the sentence encoder read all descriptions, where it is wanted: the first time takes minutes."""
    if config.text_encoder == "minilm":
        for windows in (stories.train, stories.test):
            sentence_vectors(windows.texts, config.sentence_model, console.progress)
        console.close()


def all_floors(config: Config, stories: Stories, console: Console) -> dict[str, float]:
    """By metric name: on the validation windows, and as `floor/test_…` on the test windows."""
    found = {}
    for prefix, scored in {"floor/": stories.validation, "floor/test_": stories.test}.items():
        floor = floors(stories.fitted, scored, stories.vocabulary, config.batch_size)
        if config.dataset == STORYWORLD:
            floor |= _oracle(config, stories, scored, floor["floor/image_median"], console)
        found |= {prefix + name.removeprefix("floor/"): value for name, value in floor.items()}
    return found


def _oracle(
    config: Config, stories: Stories, windows: StoryWindows, median_floor: float, console: Console
) -> dict[str, float]:
    """Of the windows; of at most `MOST_ASKED`, evenly chosen, where there are more.

    The chosen windows tell how far the oracle lies below the constant image; that distance is taken
    from the floor of all windows, so that the two compare.
    """
    asked = windows.at(evenly(len(windows), MOST_ASKED))
    oracles = window_oracles(stories.store, asked, config.equalize, console.progress)
    console.close()
    found = oracle_floors(oracles, config.text_target, config.batch_size)
    if len(asked) < len(windows):
        found["floor/image_oracle"] += median_floor - image_median_floor(stories.fitted, asked)
    return found
