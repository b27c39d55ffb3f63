"""What the page of a run says of an end that came early."""

FAILURE_TAG, NOTE_TAG = "failure", "mlflow.note.content"
ENDS = ("FAILED", "KILLED")
LONGEST_REASON, LONGEST_TAG = 2000, 8000


def ended_early(status: str, reason: str, page: str) -> str:
    """A run's page with what ended it above it, in place of what ended it before."""
    told = " ".join(reason.split())
    return f"**{status}**: {told[:LONGEST_REASON]}\n\n{without_end(page)}".rstrip()


def without_end(page: str) -> str:
    """A run's page without what has ended it."""
    heads = tuple(f"**{each}**: " for each in ENDS)
    return page.partition("\n\n")[2] if page.startswith(heads) else page
