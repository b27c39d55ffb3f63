"""A packed model as a folder that MLflow loads anywhere: with signature, example, requirements and the code it needs."""

import shutil
import tempfile
from importlib.metadata import version
from pathlib import Path

from mlflow.models import ModelSignature
from mlflow.pyfunc import save_model
from mlflow.types.schema import AnyType, ColSpec, DataType, Schema

LOADER = "ablation.track.served_model"
ROOMS = ("config", "data", "models", "predict")
MODULES = ("__init__", "errors", "ownership", "places", "randomness", "track/__init__", "track/served_model")
"""Of `ablation`, what a model needs to answer."""
PACKAGES = (
    "mlflow",
    "numpy",
    "pandas",
    "pillow",
    "pyyaml",
    "safetensors",
    "tokenizers",
    "torch",
    "torchvision",
    "transformers",
)
# of any type: what is wrong with a list is then told by predict.story, with row and place, and not by MLflow
SIGNATURE = ModelSignature(
    inputs=Schema([ColSpec(AnyType(), "images"), ColSpec(AnyType(), "texts")]),
    outputs=Schema([ColSpec(DataType.string, name) for name in ("image", "description", "note")]),
)


def save_model_folder(folder: Path, packed: Path, example: dict[str, list[str]]) -> None:
    """Makes `folder`, which must not exist, of what `predict.packing` has packed. `example`: the `images` (base64) and
    `texts` of one story.
    """
    import pandas as pd

    with tempfile.TemporaryDirectory() as beside:
        save_model(
            folder,
            loader_module=LOADER,
            data_path=str(packed),
            code_paths=[str(_code(Path(beside)))],
            signature=SIGNATURE,
            input_example=pd.DataFrame({name: [values] for name, values in example.items()}),
            pip_requirements=[_pinned(name) for name in PACKAGES],
        )


def _code(beside: Path) -> Path:
    """A copy of the part of this package that a model takes along."""
    package, copy = Path(__file__).parents[1], beside / "ablation"
    for room in ROOMS:
        shutil.copytree(package / room, copy / room, ignore=shutil.ignore_patterns("__pycache__"))
    for module in MODULES:
        place = copy / f"{module}.py"
        place.parent.mkdir(exist_ok=True)
        shutil.copyfile(package / f"{module}.py", place)
    return copy


def _pinned(name: str) -> str:
    """Without the name of a build, such as `+cpu`, which no package index has."""
    return f"{name}=={version(name).partition('+')[0]}"
