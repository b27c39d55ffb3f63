"""One run in MLflow: params, tags, metrics, files, and an end that tells success from failure.

What is logged is put on disk and told to the tracker beside the work (delivery.py), so that a tracker that goes
away for a while, or a process that is killed, loses nothing.
"""

import json
import os
import shutil
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from mlflow import MlflowClient
from mlflow.data.code_dataset_source import CodeDatasetSource
from PIL import Image

from ablation.config.declare import Key, parse, to_text
from ablation.errors import AblationError, TrackingError
from ablation.places import refused
from ablation.stopping import whole
from ablation.track.clock import now
from ablation.track.delivery import Delivery, Undelivered
from ablation.track.endings import FAILURE_TAG, LONGEST_TAG, NOTE_TAG, ended_early
from ablation.track.given_run import RUN_ID_VARIABLE, leave_given_run
from ablation.track.journal import Journal
from ablation.track.new_run import created
from ablation.track.owner import CLAIM_TAG, OWNER_TAG, readable_run, require_free, signs_of_life
from ablation.track.patience import PATIENCE, patiently
from ablation.track.run_folder import JOURNAL, alone, take_over
from ablation.track.sending import Sender
from ablation.track.store import quiet_mlflow, tracking_uri
from ablation.track.views import View, run_page

PARENT_TAG, CONTINUES_TAG = "mlflow.parentRunId", "continues"
SECONDS_TO_DELIVER, SECONDS_TO_DELIVER_A_STOP = 60, 3
"""Waited at the end for a tracker that does not answer: of a run, and of one that was stopped."""
WEBP_QUALITY = 60
STOPPED, AGAIN = "stopped from outside (Ctrl-C or SIGTERM)", "the same command goes on"


class MlflowRun:
    """A run that is open for writing, by this process alone. End it with `finish` or `fail`."""

    def __init__(self, client: MlflowClient, run_id: str, claim: str | None = None):
        """Raises AtWork where another process is at it, unless it is there for the same claim."""
        self.client, self.run_id = client, run_id
        with ExitStack() as opened:
            opened.enter_context(alone(run_id))
            run = readable_run(client, run_id)
            require_free(run, claim)
            self.folder = take_over(run_id, run.data.tags.get(OWNER_TAG, ""), tracking_uri())
            self.sender = Sender(client, run_id)
            patiently(lambda: self._claim(claim))
            self.delivery = Delivery(Journal(self.folder / JOURNAL), self.sender.send, self.sender.beat)
            opened.callback(self.delivery.close)
            self.opened = opened.pop_all()
        self.experiment_id, self.started = run.info.experiment_id, run.info.start_time
        self.page, self.note = run_page(self.experiment_id, run_id), run.data.tags.get(NOTE_TAG, "")
        self.logged: dict[str, set[int]] = {}

    @classmethod
    def start(
        cls, name: str, tags: dict[str, str], adopt: bool = True, parent: str | None = None
    ) -> "MlflowRun":
        """A new run, a child of `parent` where there is one; or, with `adopt`, the one that `mlflow run`
        has opened for this command.
        """
        quiet_mlflow()
        client = MlflowClient()
        tags = tags | ({PARENT_TAG: parent} if parent else {})
        given = os.environ.get(RUN_ID_VARIABLE) if adopt else None
        if not given:
            return cls._begun(client, created(client, name, tags | signs_of_life()))
        leave_given_run()
        opened = cls(client, given)
        opened._put("name", {"name": name})
        opened.set_tags(tags)
        return opened

    @classmethod
    def _begun(cls, client: MlflowClient, run_id: str) -> "MlflowRun":
        """One that is stopped before it is open does not stay RUNNING."""
        try:
            return cls(client, run_id)
        except KeyboardInterrupt:
            with suppress(Exception):
                client.set_terminated(run_id, "KILLED")
            raise

    @classmethod
    def reopen(cls, run_id: str, tags: dict[str, str] | None = None) -> "MlflowRun":
        """A run that was left unfinished, running again, now owned by this process. What its last owner did not
        deliver from this machine goes first. Raises AtWork where another process is at it, unless its claim is the one
        among the tags.
        """
        quiet_mlflow()
        opened = cls(MlflowClient(), run_id, (tags or {}).get(CLAIM_TAG))
        try:
            opened._put("status", {"status": "RUNNING"})
            opened._put("untag", {"name": FAILURE_TAG})
            opened.set_tags(tags or {})
            opened.delivery.flush(SECONDS_TO_DELIVER)
            opened.logged = patiently(lambda: _steps(opened.client, run_id))
        except KeyboardInterrupt:
            opened.fail(f"{STOPPED}; {AGAIN}", "KILLED")
            raise
        except BaseException:
            opened.close()
            raise
        return opened

    def close(self) -> None:
        """Another process may open it now. What was not delivered stays on disk."""
        self.opened.close()

    def log_params(self, texts: dict[str, str], declared: dict[str, Key]) -> None:
        """Logs what is not there yet; what `mlflow run` logged as raw text must mean the same.

        Raises TrackingError where it does not.
        """
        there = patiently(lambda: self.client.get_run(self.run_id)).data.params
        for name in texts.keys() & there.keys():
            if _canonical(there[name], declared.get(name)) != texts[name]:
                raise TrackingError(
                    f"run {self.run_id} has {name}={there[name]}, not {texts[name]}: params of a "
                    "run cannot change; start a new run"
                )
        new = {name: text for name, text in texts.items() if name not in there}
        self._put("batch", {"params": new})

    def set_tags(self, tags: dict[str, str]) -> None:
        """Sets or overwrites tags."""
        self._put("batch", {"tags": {name: str(text)[:LONGEST_TAG] for name, text in tags.items()}})

    def describe(self, page: str) -> None:
        """The run's page in Markdown. What ends the run early will be told above it."""
        self.note = page
        self.set_tags({NOTE_TAG: page})

    def tag_run(self, run_id: str, tags: dict[str, str]) -> None:
        """Sets tags of another run; of one that is gone meanwhile, a warning says so."""
        self._put("tag_run", {"run_id": run_id, "tags": tags})

    def save_view(self, view: View) -> None:
        """A view of the experiment's runs in the UI: a warning where the tracker does not take it."""
        self._put("view", {"experiment_id": self.experiment_id, "view": asdict(view)})

    def log_metrics(self, values: dict[str, float], step: int) -> None:
        """One value for each name at this step: one that was logged already stays."""
        moment, new = now(), {n: float(v) for n, v in values.items() if step not in self.logged.get(n, ())}
        self._put("batch", {"metrics": [[name, value, moment, step] for name, value in new.items()]})
        for name in new:
            self.logged.setdefault(name, set()).add(step)

    def log_file(self, file: Path, folder: str | None = None) -> None:
        """A file among the artifacts, under its own name. It must stay until it was delivered."""
        self._put("file", {"file": str(file), "folder": folder})

    def log_text(self, text: str, place: str) -> None:
        """A text file among the artifacts."""
        file = self.delivery.journal.new_folder() / Path(place).name
        file.write_text(text, encoding="utf-8")
        self.log_file(file, _folder_of(place))

    def log_picture(self, picture: Image.Image, place: str) -> None:
        """A PNG among the artifacts, packed quickly rather than tightly."""
        file = self.delivery.journal.new_folder() / Path(place).name
        picture.save(file, compress_level=1)
        self.log_file(file, _folder_of(place))

    def log_step_picture(self, picture: Image.Image, small: Image.Image, key: str, step: int) -> None:
        """A picture under the step slider of the UI's charts, `small` until it is clicked on; logged again, it
        takes the place of the earlier one. As MLflow's `log_image`, but WebP, and no name drawn anew.
        """
        place = self.delivery.journal.new_folder
        name = step_picture_name(self.run_id, self.started, key, step)
        for image, ending in ((picture, ".webp"), (small, "+compressed.webp")):
            file = place() / f"{name}{ending}"
            image.save(file, quality=WEBP_QUALITY, method=2)
            self.log_file(file, "images")
        self.set_tags({"mlflow.loggedImages": "True"})

    def log_model(self, name: str, make: Callable[[Path], None], digest: str, step: int) -> None:
        """A model that `make` writes into a folder of its own; `step` is the epoch that its weights are of."""
        folder = self.delivery.journal.new_folder() / name
        make(folder)
        self._put("model", {"file": str(folder), "digest": digest, "step": step})

    def log_dataset(self, name: str, digest: str, location: str, profile: dict[str, int]) -> None:
        """The data set as an input of the run."""
        source = CodeDatasetSource(tags={"dataset": name, "location": location})
        about = {"source_type": source._get_source_type(), "source": source.to_json()}
        self._put("dataset", {"name": name, "digest": digest, "profile": json.dumps(profile)} | about)

    def settle(self) -> None:
        """Waits until the tracker has all that was logged. Raises Undelivered."""
        self.delivery.flush(PATIENCE)

    def finish(self, patience: float | None = None) -> None:
        """Ends the run as FINISHED; its files on this machine go, the tracker has them. Raises Undelivered, and
        they stay, when the tracking server does not answer for `patience` seconds, `SECONDS_TO_DELIVER` if not given;
        TrackingError, and the run is FAILED, when something is refused.
        """
        try:
            self._put("status", {"status": "FINISHED", "ended": now()})
            self.delivery.flush(SECONDS_TO_DELIVER if patience is None else patience)
        except Undelivered as error:
            raise Undelivered(
                f"run {self.run_id} is finished, but {error}. Once the server is there again:  "
                "python -m ablation deliver"
            ) from error
        except TrackingError as error:
            self.fail(str(error))
            raise
        else:
            shutil.rmtree(self.folder, ignore_errors=True)
        finally:
            self.close()

    def fail(self, reason: str, status: str = "FAILED") -> None:
        """Ends the run as FAILED (or KILLED) with the reason in the tag `failure`; what the tracker does not take
        within seconds waits on this machine, all but the end itself.
        """
        tags, ended = {FAILURE_TAG: reason, NOTE_TAG: ended_early(status, reason, self.note)}, now()
        patience, told = SECONDS_TO_DELIVER_A_STOP, False
        try:
            with suppress(AblationError, OSError):  # the reason itself must come through
                with whole():
                    self.set_tags(tags)
                    self._put("status", {"status": status, "ended": ended})
                self.delivery.flush(patience, at_most=patience if status == "KILLED" else None)
                told = True
        finally:
            self.delivery.close()
            if not told and self.delivery.reaches_tracker:
                self.sender.end(tags, status, ended, patience)
            self.close()

    def _claim(self, claim: str | None) -> None:
        """Looks once more, each time that it is tried again: an outage is long enough for another to come."""
        require_free(self.client.get_run(self.run_id), claim)
        self.sender.claim()

    def _put(self, call: str, arguments: dict[str, Any]) -> None:
        try:
            self.delivery.put(call, arguments)
        except OSError as error:
            raise TrackingError(refused(error)) from error


@contextmanager
def closing(run: MlflowRun, again: str | None = None, patience: float | None = None) -> Iterator[MlflowRun]:
    """Ends the run with the block: as FINISHED, or FAILED or KILLED with the reason in a tag, where
    `again` tells how it goes on (the same command, if not given). A run that others wait for gives a tracking server
    that has gone away more `patience`, in seconds.
    """
    try:
        yield run
    except KeyboardInterrupt:
        again = again or f"{AGAIN}, or resume={run.run_id}"
        run.fail(f"{STOPPED}; {again}", "KILLED")
        raise
    except AblationError as error:
        run.fail(str(error))
        raise
    except Exception as error:
        run.fail(f"{type(error).__name__}: {error}")
        raise
    else:
        run.finish(patience)
    finally:  # also where a stop came before its end was told
        run.close()


def step_picture_name(run_id: str, started: int, key: str, step: int) -> str:
    """As the UI reads it, without its ending: key, step, a time stamp and an id."""
    identity = uuid.uuid5(uuid.NAMESPACE_URL, f"{run_id}/{key}/{step}")
    return f"{key.replace('/', '~')}+step+{step}+timestamp+{started}+{identity}"


def _steps(client: MlflowClient, run_id: str) -> dict[str, set[int]]:
    """Of every metric of a run, the steps at which it has a value."""
    names = client.get_run(run_id).data.metrics
    return {name: {m.step for m in client.get_metric_history(run_id, name)} for name in names}


def _folder_of(place: str) -> str | None:
    parent = Path(place).parent
    return None if parent == Path() else str(parent)


def _canonical(text: str, declared: Key | None) -> str:
    try:
        return to_text(parse(declared, text)) if declared else text
    except ValueError:
        return text
