"""Tasks on a Ray cluster. Ray places them and moves those of a node that dies; nothing here schedules."""

import signal
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import ray
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from ablation.engines.task import (
    ATTEMPTS,
    BUSY,
    FAILED,
    SECONDS_TO_STOP,
    STOPPED,
    UNFIT,
    Event,
    Outcome,
    Task,
    Watch,
    perform,
    tell_busy,
)
from ablation.stopping import listen

PACKAGE = Path(__file__).parents[1]
SECONDS_UNTIL_ASKED_AGAIN = 5.0
DIED = (
    ray.exceptions.WorkerCrashedError,
    ray.exceptions.NodeDiedError,
    ray.exceptions.OutOfMemoryError,
    ray.exceptions.LocalRayletDiedError,
)


class RayEngine:
    """Each task takes `cpus` cores and `gpus` GPUs (a fraction shares one) of whatever node has them."""

    def __init__(self, address: str | None, cpus: int, gpus: float):
        self.address, self.cpus, self.gpus = address, cpus, gpus
        self.unfit: set[str] = set()
        """Nodes, by their ids, with other code or packages than the study."""

    def start(self) -> None:
        """Joins the cluster. The nodes need the pinned packages; the code travels with the tasks."""
        if not ray.is_initialized():
            code, ours = {"py_modules": [str(PACKAGE)]}, signal.getsignal(signal.SIGTERM)
            ray.init(self.address, runtime_env=code, log_to_driver=False, logging_level="warning")
            if ours is not None:
                signal.signal(signal.SIGTERM, ours)  # Ray's own ends the process with every run still open

    def run(self, tasks: Sequence[Task], watch: Watch) -> dict[str, Outcome]:
        """Outcome by task name."""
        self.start()
        reports = _beside_the_driver(_Reports).remote()
        remote = ray.remote(num_cpus=self.cpus, num_gpus=self.gpus, max_retries=ATTEMPTS - 1)(_perform)
        waiting, under_way, told_busy = [(0.0, task) for task in tasks], {}, set()
        outcomes: dict[str, Outcome] = {}
        try:
            while waiting or under_way:
                now = time.monotonic()
                fit = remote.options(label_selector=self._elsewhere())
                under_way |= {fit.remote(task, reports): task for due, task in waiting if due <= now}
                waiting = [(due, task) for due, task in waiting if due > now]
                ready = _ready(under_way, seconds=1.0)
                for event in _drained(reports):
                    watch(event)
                for reference in ready:
                    task, outcome = under_way.pop(reference), _outcome(reference)
                    if outcome.status == BUSY:
                        waiting.append((time.monotonic() + SECONDS_UNTIL_ASKED_AGAIN, task))
                        tell_busy(task, outcome, told_busy, watch)
                        continue
                    if outcome.status == UNFIT:
                        if self._avoid(outcome, task, watch):
                            waiting.append((0.0, task))
                            continue
                        outcome = Outcome(FAILED, message=outcome.message)
                    outcomes[task.name] = outcome
                    watch(Event(task.name, "end", 1.0, outcome=outcome))
        except KeyboardInterrupt:
            for reference in under_way:
                ray.cancel(reference)
            if under_way:
                ray.wait(list(under_way), num_returns=len(under_way), timeout=SECONDS_TO_STOP)
            raise
        return outcomes

    def _elsewhere(self) -> dict[str, str]:
        """What Ray chooses nodes by: none of those that are unfit."""
        return {"ray.io/node-id": f"!in({','.join(sorted(self.unfit))})"} if self.unfit else {}

    def _avoid(self, outcome: Outcome, task: Task, watch: Watch) -> bool:
        """Whether there are nodes left that may do what this one cannot; no task is given to it any more."""
        node = outcome.result["node"]
        if node not in self.unfit:
            self.unfit.add(node)
            watch(Event(task.name, "note", text=f"node {node[:8]} gets no more work: {outcome.message}"))
        return any(each["Alive"] and each["NodeID"] not in self.unfit for each in ray.nodes())

    def close(self) -> None:
        """Leaves the cluster."""
        ray.shutdown()


@ray.remote(num_cpus=0, max_restarts=-1)
class _Reports:
    """Gathers what tasks say, until the driver asks for it. Begins anew elsewhere when its node dies."""

    def __init__(self):
        self.events: list[Event] = []

    def put(self, event: Event) -> None:
        self.events.append(event)

    def drain(self) -> list[Event]:
        events, self.events = self.events, []
        return events


def _ready(under_way: dict[ray.ObjectRef, Task], seconds: float) -> list[ray.ObjectRef]:
    """Tasks that have ended, after at most so long."""
    if under_way:
        return ray.wait(list(under_way), timeout=seconds)[0]
    time.sleep(seconds)
    return []


def _drained(reports) -> list[Event]:
    """Nothing while the reports move: they are for the eye, no result goes through them."""
    try:
        return ray.get(reports.drain.remote())
    except ray.exceptions.RayError:
        return []


def _beside_the_driver(actor):
    """On the driver's own node where it has room."""
    node = ray.get_runtime_context().get_node_id()
    return actor.options(scheduling_strategy=NodeAffinitySchedulingStrategy(node, soft=True))


def _perform(task: Task, reports) -> Outcome:
    def send(event: Event) -> None:
        reports.put.remote(event)

    listen(signal.SIGINT)  # so Ray tells the main thread that it cancels the task
    send(Event(task.name, "begin"))
    outcome = perform(task, send)
    here = {"node": ray.get_runtime_context().get_node_id()} if outcome.status == UNFIT else {}
    return replace(outcome, result=outcome.result | here)


def _outcome(reference) -> Outcome:
    try:
        return ray.get(reference)
    except ray.exceptions.TaskCancelledError:
        return Outcome(STOPPED, message="stopped from outside")
    except DIED as error:
        told = str(error).strip().splitlines()[0]
        return Outcome(FAILED, message=f"its node or process died {ATTEMPTS} times: {told}")
    except ray.exceptions.RayError as error:
        return Outcome(FAILED, message=f"Ray cannot run it: {str(error).strip().splitlines()[-1]}")
