"""The model as MLflow loads it, in `mlflow.pyfunc.load_model` and behind `mlflow models serve`: a table in, a table out.

MLflow imports this module from the model's own folder; it asks for a function `_load_pyfunc`.
"""

import base64
import io
from pathlib import Path
from typing import Any

import pandas as pd
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import INVALID_PARAMETER_VALUE
from PIL import Image

from ablation.errors import AblationError
from ablation.predict.packing import unpack
from ablation.predict.predictor import Predictor
from ablation.predict.story import read_stories


class ServedModel:
    """Rows with four `images` and four `texts` in; `image` (base64 PNG), `description` and `note` out."""

    def __init__(self, predictor: Predictor):
        self.predictor = predictor

    def predict(self, table: pd.DataFrame, params: dict[str, Any] | None = None) -> pd.DataFrame:
        """In the order of the rows. Raises MlflowException, which a server answers with status 400 and the message."""
        try:
            stories = read_stories(rows_of(table))
        except AblationError as error:
            raise MlflowException(str(error), error_code=INVALID_PARAMETER_VALUE) from None
        answers = [self.predictor.answer(story) for story in stories]
        rows = [{"image": as_base64(a.frame), "description": a.description, "note": a.note} for a in answers]
        return pd.DataFrame(rows, columns=["image", "description", "note"], index=table.index)


def rows_of(table: pd.DataFrame) -> dict[str, tuple[Any, Any]]:
    """By the names that messages give them, counted from 1."""
    pairs = zip(table["images"], table["texts"], strict=True)
    return {f"row {number}": pair for number, pair in enumerate(pairs, start=1)}


def as_base64(image: Image.Image) -> str:
    """A PNG as text."""
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return base64.b64encode(buffer.getvalue()).decode()


def _load_pyfunc(path: str) -> ServedModel:
    return ServedModel(unpack(Path(path)))
