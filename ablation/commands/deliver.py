"""`deliver`: what runs of this machine could not tell a tracking server that was away."""

from ablation.config.entries import DeliverOptions
from ablation.console import Console
from ablation.errors import AblationError
from ablation.places import runs_folder
from ablation.track.left_behind import deliver, mark_dead_runs, undelivered
from ablation.track.query import get_record
from ablation.track.store import label_bystander, open_store, quiet_mlflow, ui_address, use_existing_store
from ablation.track.views import run_page


def run(options: DeliverOptions, console: Console) -> int:
    """The command `deliver`. Raises AblationError, after the last one, when some could not be delivered."""
    quiet_mlflow()
    label_bystander("deliver", "deliver")
    waiting = [each for each in undelivered() if options.run in (None, each.run_id)]
    if not waiting:
        whose = f" of run {options.run}" if options.run else ""
        console.say(
            f"nothing{whose} waits in {runs_folder()}: the tracker has everything that runs left here"
        )
    failed, reached = [], set()
    for each in waiting:
        try:
            use_existing_store(each.tracking_uri)
            open_store()
            told = deliver(each.run_id)
            page = run_page(get_record(each.run_id).experiment_id, each.run_id)
            console.say(f"run {each.run_id}: {told}\n  {ui_address()}/{page}")
            reached.add(each.tracking_uri)
        except AblationError as error:
            failed.append(f"run {each.run_id}: {error}")
    for tracker in reached:
        use_existing_store(tracker)
        mark_dead_runs(console.say)
    if failed:
        told = "".join(f"\n  - {reason}" for reason in failed)
        raise AblationError(
            f"{len(failed)} of {len(waiting)} runs could not be delivered; nothing is lost:{told}"
        )
    return 0
