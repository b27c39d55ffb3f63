"""The autoencoders a configuration starts from: found among finished runs, or trained first."""

import tempfile
import time
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path

from torch import nn

from ablation.commands.checkpoints import BEST, PLACE, furthest, inherit
from ablation.commands.notes import pretraining_note, pretraining_opening, repeat_command
from ablation.commands.outcome import where_to_look
from ablation.commands.stories import Stories, load_stories
from ablation.commands.training import choose_device, train_task
from ablation.config.config import Config, short_hash
from ablation.config.declare import keys_of
from ablation.config.entries import PretrainOptions
from ablation.console import Console
from ablation.errors import AblationError, ConfigError, TrackingError
from ablation.memory import telling_of_memory
from ablation.models.storyteller import build_text_autoencoder, build_visual_autoencoder
from ablation.ownership import held
from ablation.places import cache_folder
from ablation.track.code_state import code_hashes, code_state
from ablation.track.left_behind import mark_dead_runs
from ablation.track.mlflow_run import CONTINUES_TAG, MlflowRun, closing
from ablation.track.owner import CLAIM_TAG, OWNER_TAG, AtWork, at_work
from ablation.track.patience import PATIENCE
from ablation.track.query import RunRecord, download, find_runs, has_artifact
from ablation.track.rivals import give_way, others_at
from ablation.track.store import label_bystander, open_store, opened_by_mlflow_run
from ablation.track.views import run_page
from ablation.train.checkpoint import damage_told, load_checkpoint, restore
from ablation.train.floors import constant_image_loss, word_frequency_loss
from ablation.train.pretraining import LanguageTask, ReconstructionTask, TextCopyTask, pretraining_identity

KIND = "pretrain"
TEXT_TASKS = {"copy": TextCopyTask, "language": LanguageTask}
SECONDS_BETWEEN_LOOKS = 5.0
EPOCH_KEYS = {"text": "text_pretraining", "visual": "visual_pretraining"}


def run(options: PretrainOptions, console: Console) -> int:
    """The command `pretrain`."""
    key = EPOCH_KEYS[options.part]
    if getattr(options, key) == 0:
        raise ConfigError([f"{key}=0 leaves nothing to train: give part={options.part} at least 1 epoch"])
    choose_device(options.device)
    open_store()
    mark_dead_runs(console.say)
    stories = load_stories(options, console)
    identity = _identity(options.part, options, stories)
    with one_at_a_time(identity["hash"]):
        _wait_for_others(options.part, identity, console, claim=None)
        found = _found(options.part, options, stories, identity, console)
        if found:
            _, there = found
            label_bystander(f"found {there.name}", "lookup")
            console.say(f"the {options.part} autoencoder stands already: run {there.run_id} ({there.name})")
            page = run_page(there.experiment_id, there.run_id)
        else:
            page = _train(options.part, options, stories, identity, console, code_state(), adopt=True)[1].page
    console.say("\n" + where_to_look(("its run", page)))
    console.say(f"start from it:  {repeat_command(options)}")
    return 0


def pretrained_autoencoder(
    part: str, config: Config, stories: Stories, console: Console, tags: dict[str, str] | None = None
) -> tuple[nn.Module, str | None]:
    """The `text` or `visual` autoencoder, and the run it comes from: none without pretraining. `tags` are a new run's:
    under whose claim it is made, and of which code where that has come without its repository.
    """
    if getattr(config, EPOCH_KEYS[part]) == 0:
        return _build(part, config, stories), None
    identity = _identity(part, config, stories)
    state = code_state() | (tags or {})
    with one_at_a_time(identity["hash"]):
        while True:
            _wait_for_others(part, identity, console, state.get(CLAIM_TAG))
            found = _found(part, config, stories, identity, console)
            if found:
                module, there = found
                console.say(f"{part} autoencoder: from the finished run {there.run_id} ({there.name})")
                return module, there.run_id
            console.say(f"{part} autoencoder: none yet for these data and keys, so it is trained first")
            try:
                module, tracked = _train(part, config, stories, identity, console, state, adopt=False)
            except AtWork as error:
                if CLAIM_TAG in state:
                    raise
                console.say(f"{part} autoencoder: {error.who or error}")
                continue
            return module, tracked.run_id


def _wait_for_others(part: str, identity: dict[str, str], console: Console, claim: str | None) -> None:
    """Until no other machine is at the same autoencoder: what it makes serves here too. Under a study's `claim` that
    raises AtWork instead, and the study asks again.
    """
    told = False
    while others := others_at(_runs_of(identity["hash"]), claim):
        if claim:
            raise at_work(others[0].run_id, others[0].tags.get(OWNER_TAG, ""))
        if not told:
            console.say(
                f"{part} autoencoder: another process trains it, run {others[0].run_id}: waiting for that"
            )
            told = True
        time.sleep(SECONDS_BETWEEN_LOOKS)


def one_at_a_time(identity_hash: str) -> AbstractContextManager[bool]:
    """Two processes that need the same autoencoder: the second waits and finds it."""
    return held(cache_folder() / "locks" / f"pretrain-{identity_hash}", wait=True)


def find_pretrained(identity_hash: str) -> RunRecord | None:
    """The newest finished run of that identity, in any experiment."""
    return next(reversed([run for run in _runs_of(identity_hash) if run.status == "FINISHED"]), None)


def _runs_of(identity_hash: str) -> list[RunRecord]:
    return find_runs(KIND, extra=f"tags.pretrain_hash = '{identity_hash}'")


def autoencoder_identity(part: str, config: Config, data_hash: str, tokenizer_hash: str) -> dict[str, str]:
    """What an autoencoder depends on, code and packages included, and the `hash` of it all."""
    depends = pretraining_identity(part, config, data_hash, tokenizer_hash)
    return depends | {"hash": short_hash(depends | code_hashes()), **code_hashes()}


def _identity(part: str, config: Config, stories: Stories) -> dict[str, str]:
    return autoencoder_identity(part, config, stories.source.digest, stories.store.tokenizer_hash)


def _build(part: str, config: Config, stories: Stories) -> nn.Module:
    if part == "text":
        return build_text_autoencoder(config, stories.vocabulary.size)
    return build_visual_autoencoder(config)


def _found(
    part: str, config: Config, stories: Stories, identity: dict[str, str], console: Console
) -> tuple[nn.Module, RunRecord] | None:
    """The autoencoder of the newest finished run that has it whole. Raises TrackingError when it cannot be fetched."""
    for run in reversed(_runs_of(identity["hash"])):
        if run.status != "FINISHED":
            continue
        try:
            return _load(_build(part, config, stories), run.run_id, identity), run
        except TrackingError:
            raise
        except AblationError as error:
            console.say(
                f"{part} autoencoder: that of run {run.run_id} cannot be used, so another is found or trained: "
                f"{damage_told(error)}"
            )
    return None


def _load(module: nn.Module, run_id: str, identity: dict[str, str]) -> nn.Module:
    place = f"{PLACE}/{BEST}"
    if not has_artifact(run_id, place):
        raise AblationError(f"the run has lost its artifact {place}")
    with tempfile.TemporaryDirectory() as folder:
        contents = load_checkpoint(download(run_id, place, Path(folder)))
    if contents["identity"] != identity:
        raise AblationError(f"its artifact {place} is of other data, keys, code or packages")
    restore(contents, module)
    return module


def _train(
    part: str,
    config: Config,
    stories: Stories,
    identity: dict[str, str],
    console: Console,
    state: dict[str, str],
    adopt: bool,
) -> tuple[nn.Module, MlflowRun]:
    epochs = getattr(config, EPOCH_KEYS[part])
    name = f"{part}-autoencoder-e{epochs}-s{config.seed}"
    tags = {"kind": KIND, "part": part, "pretrain_hash": identity["hash"], **state}
    tracked, left_by = _open(name, tags, adopt)
    with closing(tracked, patience=PATIENCE), telling_of_memory():
        if left_by:
            inherit(tracked, left_by, console)
        tracked.describe(pretraining_opening(part, config))
        tracked.log_params(
            {name: text for name, text in identity.items() if not name.endswith("hash")},
            keys_of(PretrainOptions),
        )
        tracked.set_tags({k: v for k, v in identity.items() if k.endswith("_hash")})
        tracked.log_dataset(stories.source.name, stories.digest, stories.source.location, stories.profile)
        task = _task(part, config, stories)
        floor = _floor(task, stories)
        tracked.log_metrics(floor, step=0)
        state = train_task(task, tracked, identity, console, f"pretraining ({part})")
        best = state.best_value, state.best_epoch
        tracked.describe(pretraining_note(part, config, best, epochs, floor))
    console.say(f"{part} autoencoder: trained, run {tracked.run_id} ({name})")
    return task.module.cpu(), tracked


def _open(name: str, tags: dict[str, str], adopt: bool) -> tuple[MlflowRun, str | None]:
    """The run that was left unfinished and has trained last; else a new one, or that of `mlflow run`, and the run that it
    goes on from.
    """
    alike, claim = partial(_runs_of, tags["pretrain_hash"]), tags.get(CLAIM_TAG)
    earlier = alike()
    at_work = {run.run_id for run in others_at(earlier, claim)}
    left = furthest([run for run in earlier if run.status != "FINISHED" and run.run_id not in at_work])
    if left and not (adopt and opened_by_mlflow_run()):
        return MlflowRun.reopen(left.run_id, tags), None
    tracked = MlflowRun.start(name, tags | ({CONTINUES_TAG: left.run_id} if left else {}), adopt)
    give_way(tracked, lambda: others_at(alike(), claim))
    return tracked, left.run_id if left else None


def _task(part: str, config: Config, stories: Stories) -> TextCopyTask | ReconstructionTask:
    device = choose_device(config.device)
    module = _build(part, config, stories).to(device)
    if part == "text":
        kind = TEXT_TASKS[config.text_task]
        return kind(config, module, stories.train, stories.validation, stories.vocabulary, device)
    return ReconstructionTask(config, module, stories.train, stories.validation, device)


def _floor(task: TextCopyTask | ReconstructionTask, stories: Stories) -> dict[str, float]:
    """On the frames or descriptions that the task is validated on."""
    train, validation = stories.train, stories.validation
    rows = task.rows(train, 0), task.rows(validation, 0)
    if isinstance(task, ReconstructionTask):
        return {"floor/image_median": constant_image_loss(train, rows[0], validation, rows[1])}
    texts = train.token_rows[rows[0]], validation.token_rows[rows[1]]
    return {"floor/text_unigram": word_frequency_loss(*texts, stories.vocabulary, task.batch_size)}
