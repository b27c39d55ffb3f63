"""Whether the Hugging Face hub answers, found out before a library waits for it."""

import threading
from collections.abc import Callable
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


def stay_offline() -> None:
    """From here on the libraries look into their caches only, without retries."""
    import datasets
    import huggingface_hub

    datasets.config.HF_HUB_OFFLINE = True
    huggingface_hub.constants.HF_HUB_OFFLINE = True


def pretrained(place: str | Path, *loaders: Callable[..., Any]) -> list:
    """What each loader makes of a local folder or, by name, of what the hub has, or the hub's cache. Code that lies
    there is not run.

    Raises DataError with the reason when one finds nothing.
    """
    refusal = None if isdir(place) else hub_refusal(str(place), "model")
    if refusal:
        stay_offline()
    try:
        return [load(str(place), trust_remote_code=False) for load in loaders]
    except Exception as error:
        raise DataError(refusal or reason(error)) from error
