"""Whether the Hugging Face hub answers, found out before a library waits for it."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from os.path import isdir
from pathlib import Path
from typing import Any

from ablation.errors import DataError, reason

HUB_SECONDS = 20


_unreachable: list[str] = []
"""Why the hub did not answer at all, once that was seen: waited for once, not at every name."""


def hub_refusal(name: str, kind: str) -> str | None:
    """Why the hub does not give this `dataset` or `model`; None when it does. At most 20 s."""
    if _unreachable:
        return _unreachable[0]
    found: list[tuple[str | None, bool]] = []
    asking = threading.Thread(target=lambda: found.append(_asked(name, kind)), daemon=True)
    asking.start()
    asking.join(HUB_SECONDS)
    refusal, answered = found[0] if found else (f"no answer within {HUB_SECONDS} s", False)
    if not answered:
        _unreachable.append(refusal)
    return refusal


def _asked(name: str, kind: str) -> tuple[str | None, bool]:
    """The refusal, and whether it, or the name, came from the hub."""
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError

    try:
        HfApi().repo_info(name, repo_type=kind, timeout=HUB_SECONDS / 2)
    except Exception as error:
        return f"{type(error).__name__}: {reason(error)}", isinstance(
            error, HfHubHTTPError | HFValidationError
        )
    return None, True


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
