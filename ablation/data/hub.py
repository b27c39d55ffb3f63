"""Whether the Hugging Face hub answers, found out before a library waits for it."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from os.path import isdir
from pathlib import Path
from typing import Any

from ablation.errors import DataError, reason

HUB_SECONDS = 20


def hub_refusal(name: str, kind: str) -> str | None:
    """Why the hub does not give this `dataset` or `model`; None when it does. At most 20 s."""
    answer: list[str | None] = [f"no answer within {HUB_SECONDS} s"]

    def ask() -> None:
        from huggingface_hub import HfApi

        try:
            HfApi().repo_info(name, repo_type=kind, timeout=HUB_SECONDS / 2)
            answer[0] = None
        except Exception as error:
            answer[0] = f"{type(error).__name__}: {reason(error)}"

    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    asking.join(HUB_SECONDS)
    return answer[0]


@contextmanager
def asking_the_caches(only: bool) -> Iterator[None]:
    """Where `only`, the libraries look into their caches in the block, without retries. What else this process asks of
    the hub may be there.
    """
    if not only:
        yield
        return
    import datasets
    import huggingface_hub

    places = (datasets.config, huggingface_hub.constants)
    before = [place.HF_HUB_OFFLINE for place in places]
    for place in places:
        place.HF_HUB_OFFLINE = True
    try:
        yield
    finally:
        for place, was in zip(places, before, strict=True):
            place.HF_HUB_OFFLINE = was


def pretrained(place: str | Path, *loaders: Callable[..., Any]) -> list:
    """What each loader makes of a local folder or, by name, of what the hub has, or the hub's cache. Code that lies
    there is not run.

    Raises DataError with the reason when one finds nothing.
    """
    refusal = None if isdir(place) else hub_refusal(str(place), "model")
    try:
        with asking_the_caches(only=bool(refusal)):
            return [load(str(place), trust_remote_code=False) for load in loaders]
    except Exception as error:
        raise DataError(refusal or reason(error)) from error
