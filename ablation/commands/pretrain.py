"""The autoencoders a configuration starts from: found among finished runs, or trained first."""

import tempfile
from contextlib import AbstractContextManager
from pathlib import Path

from torch import nn

from ablation.commands.checkpoints import BEST, PLACE
from ablation.commands.notes import pretraining_note, pretraining_opening, repeat_command
from ablation.commands.outcome import where_to_look
from ablation.commands.stories import Stories, load_stories
from ablation.commands.training import choose_device, train_task
from ablation.config.config import Config, short_hash
from ablation.config.declare import keys_of
from ablation.config.entries import PretrainOptions
from ablation.console import Console
from ablation.errors import ConfigError
from ablation.models.storyteller import build_text_autoencoder, build_visual_autoencoder
from ablation.ownership import held
from ablation.places import cache_folder
from ablation.track.code_state import code_hashes, code_state
from ablation.track.left_behind import mark_dead_runs
from ablation.track.mlflow_run import MlflowRun, closing
from ablation.track.query import RunRecord, download, find_runs
from ablation.track.store import label_bystander, open_store
from ablation.track.views import run_page
from ablation.train.checkpoint import load_checkpoint, restore
from ablation.train.floors import image_median_floor, text_unigram_floor
from ablation.train.pretraining import LanguageTask, ReconstructionTask, TextCopyTask, pretraining_identity

KIND = "pretrain"
TEXT_TASKS = {"copy": TextCopyTask, "language": LanguageTask}
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
        found = find_pretrained(identity["hash"])
        if found:
            label_bystander(f"found {found.name}", "lookup")
            console.say(f"the {options.part} autoencoder stands already: run {found.run_id} ({found.name})")
            page = run_page(found.experiment_id, found.run_id)
        else:
            page = _train(options.part, options, stories, identity, console, adopt=True)[1].page
    console.say("\n" + where_to_look(("its run", page)))
    console.say(f"start from it:  {repeat_command(options)}")
    return 0


def pretrained_autoencoder(
    part: str, config: Config, stories: Stories, console: Console
) -> tuple[nn.Module, str | None]:
    """The `text` or `visual` autoencoder, and the run it comes from: none without pretraining."""
    if getattr(config, EPOCH_KEYS[part]) == 0:
        return _build(part, config, stories), None
    identity = _identity(part, config, stories)
    with one_at_a_time(identity["hash"]):
        found = find_pretrained(identity["hash"])
        if found:
            console.say(f"{part} autoencoder: from the finished run {found.run_id} ({found.name})")
            return _load(_build(part, config, stories), found.run_id), found.run_id
        console.say(f"{part} autoencoder: none yet for these data and keys, so it is trained first")
        module, tracked = _train(part, config, stories, identity, console, adopt=False)
        return module, tracked.run_id


def one_at_a_time(identity_hash: str) -> AbstractContextManager[bool]:
    """Two processes that need the same autoencoder: the second waits and finds it."""
    return held(cache_folder() / "locks" / f"pretrain-{identity_hash}", wait=True)


def find_pretrained(identity_hash: str) -> RunRecord | None:
    """The newest finished run of that identity, in any experiment."""
    condition = f"tags.pretrain_hash = '{identity_hash}' and attributes.status = 'FINISHED'"
    return next(reversed(find_runs(KIND, extra=condition)), None)


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


def _load(module: nn.Module, run_id: str) -> nn.Module:
    with tempfile.TemporaryDirectory() as folder:
        restore(load_checkpoint(download(run_id, f"{PLACE}/{BEST}", Path(folder))), module)
    return module


def _train(
    part: str, config: Config, stories: Stories, identity: dict[str, str], console: Console, adopt: bool
) -> tuple[nn.Module, MlflowRun]:
    epochs = getattr(config, EPOCH_KEYS[part])
    name = f"{part}-autoencoder-e{epochs}-s{config.seed}"
    tags = {"kind": KIND, "part": part, "pretrain_hash": identity["hash"], **code_state()}
    with closing(_open(name, tags, adopt)) as tracked:
        tracked.describe(pretraining_opening(part, config))
        tracked.log_params(
            {name: text for name, text in identity.items() if not name.endswith("hash")},
            keys_of(PretrainOptions),
        )
        tracked.set_tags({k: v for k, v in identity.items() if k.endswith("_hash")})
        tracked.log_dataset(stories.source.name, stories.digest, stories.source.location, stories.profile)
        task = _task(part, config, stories)
        floor = _floor(part, stories, task.batch_size)
        tracked.log_metrics(floor, step=0)
        state = train_task(task, tracked, identity, console, f"pretraining ({part})")
        best = state.best_value, state.best_epoch
        tracked.describe(pretraining_note(part, config, best, epochs, floor))
    console.say(f"{part} autoencoder: trained, run {tracked.run_id} ({name})")
    return task.module.cpu(), tracked


def _open(name: str, tags: dict[str, str], adopt: bool) -> MlflowRun:
    """A new run, or, where no run was opened for this command, one whose process was killed at it."""
    left = find_runs(KIND, extra=f"tags.pretrain_hash = '{tags['pretrain_hash']}'")
    if not adopt and left and not left[-1].is_alive:
        return MlflowRun.reopen(left[-1].run_id, tags)
    return MlflowRun.start(name, tags, adopt)


def _task(part: str, config: Config, stories: Stories) -> TextCopyTask | ReconstructionTask:
    device = choose_device(config.device)
    module = _build(part, config, stories).to(device)
    if part == "text":
        kind = TEXT_TASKS[config.text_task]
        return kind(config, module, stories.train, stories.validation, stories.vocabulary, device)
    return ReconstructionTask(config, module, stories.train, stories.validation, device)


def _floor(part: str, stories: Stories, batch_size: int) -> dict[str, float]:
    train, validation = stories.train, stories.validation
    if part == "text":
        floor = text_unigram_floor(train, validation, stories.vocabulary, batch_size)
        return {"floor/text_unigram": floor}
    return {"floor/image_median": image_median_floor(train, validation)}
