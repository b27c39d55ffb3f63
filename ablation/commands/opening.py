"""Opens a trained model, wherever it is."""

import tempfile
from pathlib import Path

from ablation.predict.packing import unpack
from ablation.predict.predictor import Predictor
from ablation.track.models import find_model
from ablation.track.store import open_existing_store


def open_model(wanted: str | None) -> tuple[Predictor, str]:
    """The model, in memory, and in words whose it is. Raises AblationError where there is none."""
    if not (wanted and Path(wanted).expanduser().is_dir()):
        open_existing_store()
    with tempfile.TemporaryDirectory() as beside:
        found = find_model(wanted, Path(beside))
        return unpack(found.packed), found.told
