"""Runs docs/tutorial.ipynb and keeps what it shows in it: `python -m benchmarks.tutorial`

With nbclient and ipykernel installed. What the notebook writes goes into a folder that is removed.
"""

import os
import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path

import nbformat
from nbclient import NotebookClient

ROOT = Path(__file__).parents[1]
NOTEBOOK = ROOT / "docs" / "tutorial.ipynb"
LIMIT = 900
"""Seconds that one cell may take."""


def main() -> None:
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    with tempfile.TemporaryDirectory() as folder:
        project = Path(folder) / "project"
        shutil.copytree(ROOT / "ablation", project / "ablation")
        shutil.copy(ROOT / "MLproject", project)
        (project / "docs").mkdir()
        os.environ["ABLATION_CACHE"] = f"{folder}/cache"
        os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [folder, os.environ.get("PYTHONPATH")]))
        place = {"metadata": {"path": str(project / "docs")}}
        NotebookClient(notebook, timeout=LIMIT, resources=place).execute()
        _keep_what_is_of_use(notebook, folder)
    nbformat.write(notebook, NOTEBOOK)


def _keep_what_is_of_use(notebook: nbformat.NotebookNode, folder: str) -> None:
    """Without times, warnings of the notebook's own parts, and places on this machine; printed lines in one piece."""
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
        if "outputs" in cell:
            cell.outputs = _joined(output for output in cell.outputs if output.get("name") != "stderr")
        for output in cell.get("outputs", []):
            if output.output_type == "stream":
                output.text = output.text.replace(folder, "/home/you")
    notebook.metadata = {"kernelspec": notebook.metadata["kernelspec"], "language_info": {"name": "python"}}


def _joined(outputs: Iterable[nbformat.NotebookNode]) -> list[nbformat.NotebookNode]:
    joined: list[nbformat.NotebookNode] = []
    for output in outputs:
        if joined and output.output_type == joined[-1].output_type == "stream":
            joined[-1].text += output.text
        else:
            joined.append(output)
    return joined


if __name__ == "__main__":
    main()
