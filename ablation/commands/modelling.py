"""The model that a run leaves behind, to be loaded, served and asked."""

import base64
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

from ablation.config.config import Config
from ablation.models.storyteller import Storyteller
from ablation.predict.packing import digest_of, pack
from ablation.track.mlflow_run import MlflowRun
from ablation.track.model_folder import save_model_folder
from ablation.track.query import MODEL_NAME
from ablation.world.example import example_story

SMALL = (125, 60)
"""Of the example's frames, in pixels."""


def log_storyteller(config: Config, module: Storyteller, tokenizer: Any, run: MlflowRun, epoch: int) -> None:
    """The weights as they are now, chosen on validation, those of `epoch`. They are the run's own copy: a checkpoint
    holds what training needs too, thrice as much, and a model must be whole without its run.
    """
    with tempfile.TemporaryDirectory(dir=run.folder) as beside:
        packed = Path(beside) / "model"
        pack(packed, config, module, tokenizer)
        run.log_model(
            MODEL_NAME,
            lambda folder: save_model_folder(folder, packed, _example()),
            digest_of(packed),
            epoch,
        )


@cache
def _example() -> dict[str, list[str]]:
    frames, texts = example_story(SMALL)
    return {"images": [base64.b64encode(frame).decode() for frame in frames], "texts": texts}
