"""The one direction: config → data → model → train → track → analyse, and who may import what."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "ablation"
MODULES = sorted(PACKAGE.rglob("*.py"))
ABOVE = {
    "config": {"errors"},
    "world": {"helpers", "places"},
    "data": {"config", "world", "errors", "helpers", "ownership", "places", "randomness"},
    "models": {"config", "data", "errors", "randomness"},
    "train": {"config", "data", "models", "errors", "places", "randomness", "stopping"},
    "predict": {"config", "data", "models", "errors"},
    "track": {"config", "predict", "errors", "ownership", "places", "stopping"},
    "page": {"predict", "world", "errors"},
    "analyse": {"config", "errors"},
    "engines": {"config", "errors", "helpers", "stopping"},
}


def imported(module: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(module.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add(node.module)
    return names


def room(module: Path) -> str:
    return module.relative_to(PACKAGE).parts[0].removesuffix(".py")


@pytest.mark.parametrize("module", MODULES, ids=lambda m: str(m.relative_to(PACKAGE)))
def test_a_module_knows_only_the_rooms_before_it(module):
    if room(module) not in ABOVE:
        return
    own = {name.split(".")[1] for name in imported(module) if name.startswith("ablation.")}
    assert own - {room(module)} <= ABOVE[room(module)]


@pytest.mark.parametrize(
    "library, rooms",
    [("mlflow", {"track"}), ("argparse", set()), ("ray", {"engines"}), ("fastapi", {"page"})],
)
def test_a_library_stays_in_its_room(library, rooms):
    users = {room(m) for m in MODULES if library in {n.split(".")[0] for n in imported(m)}}
    assert users <= rooms


def test_analysis_and_configuration_load_nothing_heavy():
    code = (
        "import sys, ablation.analyse.summary, ablation.analyse.study_tables; assert 'torch' not in sys.modules\n"
        "assert 'mlflow' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)
    code = (
        "import sys; from ablation.__main__ import main; main(['--help']); main(['main', '--epochs', '-1'])\n"
        "assert not {'torch', 'mlflow', 'pandas', 'numpy', 'tqdm'} & set(sys.modules), sys.modules.keys()"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True)


def test_the_readme_shows_every_part_in_the_order_of_imports():
    told = re.findall(r"^    ablation/(\w+) ", (ROOT / "README.md").read_text(), re.MULTILINE)
    parts = {
        module.relative_to(PACKAGE).parts[0]
        for module in MODULES
        if len(module.relative_to(PACKAGE).parts) > 1
    }
    assert set(told) == parts | {"studies"}
    for part, above in ABOVE.items():
        assert all(told.index(other) < told.index(part) for other in above & parts)
