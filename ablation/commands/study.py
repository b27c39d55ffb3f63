"""`study`: every arm × seed as child runs of one parent run; what is finished is not run again."""

import shlex
import uuid
from collections.abc import Sequence
from contextlib import closing as closing_engine
from dataclasses import replace
from functools import partial
from typing import Any

from ablation.analyse.study_record import StudyRecord
from ablation.analyse.study_tables import CODE_TAGS
from ablation.commands.judging import KIND, RECORD, complain_if_incomplete, judge, study_files, told
from ablation.commands.outcome import where_to_look
from ablation.commands.planned import Planned, chosen_cells, planned_cells, study_command
from ablation.commands.pretrain import EPOCH_KEYS, autoencoder_identity, find_pretrained
from ablation.commands.registering import register_best
from ablation.commands.report import PAGE, PLACE, draw, report_of
from ablation.commands.stories import Stories, load_stories, require_sentences, require_windows
from ablation.commands.study_note import study_note, study_opening
from ablation.commands.study_progress import TESTING, StudyProgress
from ablation.commands.study_tags import mark_places, mark_verdicts, place, place_tag, verdict_tag
from ablation.commands.train import all_floors
from ablation.commands.training import choose_device
from ablation.config.config import Config, short_hash
from ablation.config.entries import StudyOptions
from ablation.config.study import Study
from ablation.config.study_file import load_study
from ablation.console import Console, SayingOnce, Silent
from ablation.data.sources import STORYWORLD
from ablation.engines.choose import choose_engine
from ablation.engines.task import Engine, Task
from ablation.errors import Incomplete
from ablation.ownership import held
from ablation.places import cache_folder
from ablation.track.code_state import code_hashes, code_state
from ablation.track.left_behind import mark_dead_runs
from ablation.track.mlflow_run import MlflowRun, closing
from ablation.track.owner import AtWork
from ablation.track.query import RunRecord, find_runs, get_record
from ablation.track.rivals import give_way, others_at
from ablation.track.store import label_bystander, open_store, tracking_uri
from ablation.track.views import runs_view, study_key, study_views, table_page


def run(options: StudyOptions, console: Console) -> int:
    """The command `study`."""
    study = load_study(options.study, options.overrides)
    engine = choose_engine(options, tracking_uri())
    if options.engine == "local":
        choose_device(study.baseline.config.device)
    open_store()
    mark_dead_runs(console.say)
    console.say(f"study {study.name}: {len(study.arms)} arms × {options.seeds} seeds\n  {study.question}")
    with closing_engine(engine):
        engine.start()
        session = Session(options, study, console)
        try:
            parent = session.open_parent()
        except AtWork as error:
            return session.help(engine, error)
        with closing(parent, again=f"the same command goes on: {session.command}"):
            session.write_record(parent)
            session.show(parent)
            session.run(engine, parent)
            session.write_record(parent)
            session.judge(parent)
    return 0


class Session:
    """A study at work: its stories, its cells, and what they share."""

    def __init__(self, options: StudyOptions, study: Study, console: Console):
        self.options, self.study, self.console = options, study, console
        self.stories = stories_of(study, console)
        self.data_hash = next(iter(self.stories.values())).source.digest
        self.seeds = options.seeds
        self.chosen = self._chosen()
        require_what_is_read(self.stories, self.chosen)
        self.state = code_state()

    @property
    def command(self) -> str:
        """The words that run the whole study again."""
        return study_command(self.whole)

    @property
    def whole(self) -> StudyOptions:
        """What was asked for, with every seed that the study has."""
        return replace(self.options, seeds=self.seeds)

    def open_parent(self) -> MlflowRun:
        """The parent run of the same study on the same data with the same code, or a new one. Seeds that it
        has had already stay in its record.
        """
        identity = {"name": self.study.name, "arms": self.study.arms_hash, "data_hash": self.data_hash}
        hashes = {name: self.state[name] for name in ("code_hash", "environment_hash")}
        study_hash = short_hash(identity | hashes)
        with held(cache_folder() / "locks" / f"study-{study_hash}", wait=True):
            return self._open(study_hash)

    def _open(self, study_hash: str) -> MlflowRun:
        """One process of this machine at a time is here."""
        alike = partial(find_runs, KIND, extra=f"tags.study_hash = '{study_hash}'")
        earlier = alike()
        self.seeds = max([self.seeds, *(int(run.tags.get("seeds", 0)) for run in earlier)])
        tags = {
            "kind": KIND,
            "study": self.study.name,
            "study_hash": study_hash,
            "delta_hash": self.study.delta_hash,
            "data_hash": self.data_hash,
            "seeds": str(self.seeds),
            **self.state,
        }
        if earlier:
            label_bystander(f"study {self.study.name}, went on in {earlier[-1].run_id}", "bystander")
            self.console.say(f"going on with the study's run {earlier[-1].run_id}")
            return MlflowRun.reopen(earlier[-1].run_id, tags)
        parent = MlflowRun.start(f"study {self.study.name}", tags)
        give_way(parent, lambda: others_at(alike(), claim=None))
        return parent

    def help(self, engine: Engine, leader: AtWork) -> int:
        """Runs cells of a study that another process leads, which judges them at its end. Raises Incomplete."""
        self.console.say(
            f"{leader.who}: it leads this study and judges it at its end; its cells are shared with it"
        )
        self.run(engine, get_record(leader.run_id))
        missing = [cell.name for cell in self._chosen() if cell.run_id is None]
        if missing:
            raise Incomplete(
                f"{len(missing)} cells are not finished: {', '.join(missing)}. Again: {self.command}"
            )
        self.console.say("all of these cells are finished; their verdicts, once the other process has ended:")
        self.console.say(f"  {self.command}")
        return 0

    def write_record(self, parent: MlflowRun) -> None:
        """What the study declares, before any result is there, and the runs that fill it by now."""
        record = self.record()
        parent.log_text(record.to_json(), RECORD)
        parent.log_text(self.study.text, "study.yaml")
        mark_places(parent, record)

    def show(self, parent: MlflowRun) -> None:
        """The study in the tracker's UI from its beginning: its page, and the views of its runs."""
        parent.describe(study_opening(self.record()))
        tags = verdict_tag(self.study.name), place_tag(parent.run_id)
        arms = [arm.name for arm in self.study.arms]
        for view in (runs_view(), *study_views(parent.run_id, self.study.name, *tags, arms)):
            parent.save_view(view)

    def record(self) -> StudyRecord:
        """For the parent run."""
        study, state = self.study, self.state
        published = study.published
        return StudyRecord(
            name=study.name,
            question=study.question,
            primary=study.primary,
            stakes={name: vars(stake) for name, stake in study.stakes.items()},
            delta_hash=study.delta_hash,
            arms=[
                {"name": a.name, "changes": a.changes, "config": replace(a.config, resume=None).texts()}
                for a in study.arms
            ],
            cells=[
                {
                    "arm": cell.arm.name,
                    "seed": cell.config.seed,
                    "hash": cell.hash,
                    "run_id": cell.run_id,
                    "command": study_command(self.whole, cell.name),
                }
                for cell in planned_cells(study, self.seeds, self.data_hash)
            ],
            command=self.command,
            dataset=study.baseline.config.dataset,
            data_hash=self.data_hash,
            code_hash=state["code_hash"],
            code_commit=state["code_commit"],
            code_dirty=state["code_dirty"],
            environment=state["environment"],
            environment_hash=state["environment_hash"],
            published=vars(published) if published else None,
        )

    def _chosen(self) -> list[Planned]:
        cells = planned_cells(self.study, self.options.seeds, self.data_hash)
        return chosen_cells(cells, self.options.only)

    def run(self, engine: Engine, parent: MlflowRun | RunRecord) -> None:
        """First what cells share, then the cells that are not finished."""
        open_cells = [cell for cell in self.chosen if cell.run_id is None]
        found = len(self.chosen) - len(open_cells)
        if found:
            self.console.say(f"{found} of {len(self.chosen)} cells are finished already")
        ask_oracles(open_cells, self.console)
        common = {
            "tracking_uri": tracking_uri(),
            "experiment_id": parent.experiment_id,
            "claim": uuid.uuid4().hex,
            "code": {tag: self.state[tag] for tag in CODE_TAGS},
            "hashes": code_hashes(),
        }
        shared = self._shared(open_cells, common)
        self._on(engine, shared, "preparing what cells share", {task.name: 1.0 for task in shared})
        open_cells.sort(
            key=lambda cell: (cell.config.seed, -cell.config.epochs)
        )  # a long one last would run alone
        tasks = [self._task(cell, parent, common) for cell in open_cells]
        epochs = {cell.name: cell.config.epochs + TESTING for cell in open_cells}
        self._on(engine, tasks, f"study {self.study.name}", epochs)

    def judge(self, parent: MlflowRun) -> None:
        """Logs the tables, shows the verdicts, draws the report. Raises Incomplete when cells are missing."""
        parent.settle()
        judged = judge(parent.run_id)
        for name, text in study_files(judged, "markdown").items():
            parent.log_text(text, f"summary/{name}")
        mark_verdicts(parent, judged.record, judged.primary, judged.answer)
        self.console.say("\n" + told(judged))
        parent.log_text(report_of(judged, draw(judged, self.console), self.console), f"{PLACE}/{PAGE}")
        self.console.close()
        parent.describe(study_note(judged, parent))
        self.console.say(register_best(judged))
        table = table_page(parent.experiment_id, study_key(parent.run_id))
        named = shlex.quote(self.study.name)
        self.console.say("\n" + where_to_look(("its runs", table), ("its page", parent.page)))
        self.console.say(
            f"the report is its artifact {PLACE}/{PAGE}; as a file, with the figures and the tables:\n"
            f"  python -m ablation report --study {named} --out results\n"
            f"  python -m ablation summary --study {named} --out results"
        )
        complain_if_incomplete(judged)

    def _on(self, engine, tasks: list[Task], label: str, weights: dict[str, float]) -> None:
        if tasks:
            self.console.say(f"{label}: {len(tasks)} to do")
            engine.run(tasks, StudyProgress(self.console, label, tasks, weights))
            self.console.close()

    def _task(self, cell: Planned, parent: MlflowRun | RunRecord, common: dict[str, Any]) -> Task:
        names = [arm.name for arm in self.study.arms]
        work = {
            "config": cell.config.texts(),
            "cell_hash": cell.hash,
            "name": cell.run_name,
            "parent": parent.run_id,
            "tags": {
                "study": self.study.name,
                "arm": cell.arm.name,
                "configuration": cell.config.arm,
                place_tag(parent.run_id): place(names, cell.arm.name, cell.config.seed),
                "delta_hash": self.study.delta_hash,
            },
        }
        return Task(cell.name, "ablation.commands.cells:run_cell", work | common)

    def _shared(self, cells: Sequence[Planned], common: dict[str, Any]) -> list[Task]:
        """One task for every autoencoder that cells start from and that is not there yet."""
        tasks: dict[str, Task] = {}
        for cell in cells:
            for part, epochs in EPOCH_KEYS.items():
                if getattr(cell.config, epochs):
                    identity = self._autoencoder(part, cell.config)
                    name = f"{part} autoencoder {identity[:6]}, seed {cell.config.seed}"
                    work = {"config": cell.config.texts(), "part": part} | common
                    tasks.setdefault(identity, Task(name, "ablation.commands.cells:make_shared", work))
        return [task for identity, task in tasks.items() if not find_pretrained(identity)]

    def _autoencoder(self, part: str, config: Config) -> str:
        stories = self.stories[data_keys(config)]
        return autoencoder_identity(part, config, self.data_hash, stories.store.tokenizer_hash)["hash"]


def data_keys(config: Config) -> tuple:
    """What decides which prepared store a configuration reads."""
    return config.equalize, config.windows, config.scored, config.tokenizer, config.max_stories


def stories_of(study: Study, console: Console) -> dict[tuple, Stories]:
    """The prepared stories of every arm, made where they are missing. Raises DataError."""
    found: dict[tuple, Stories] = {}
    told = SayingOnce(console)
    for arm in study.arms:
        if data_keys(arm.config) not in found:
            found[data_keys(arm.config)] = load_stories(arm.config, told)
    return found


def require_what_is_read(stories: dict[tuple, Stories], cells: Sequence[Planned]) -> None:
    """Raises DataError, before any cell has trained, where a seed leaves a part of the stories without a window, or a
    sentence encoder cannot be had.
    """
    left = [cell.config for cell in cells if cell.run_id is None]
    for config in {
        config.sentence_model: config for config in left if config.text_encoder == "minilm"
    }.values():
        require_sentences(config)
    by_store: dict[tuple, dict[int, Config]] = {}
    for config in left:
        by_store.setdefault(data_keys(config), {})[config.seed] = config
    for keys, by_seed in by_store.items():
        require_windows(stories[keys].store, list(by_seed.values()))


def ask_oracles(cells: Sequence[Planned], console: Console) -> None:
    """Has the embedded world's best answers computed and filed, which the cells of a seed share."""
    asked = {(data_keys(c.config), c.config.seed): c.config for c in cells if c.config.dataset == STORYWORLD}
    for config in asked.values():
        all_floors(config, load_stories(config, Silent()), console)
