"""The engine that a study asks for."""

from importlib.util import find_spec

from ablation.config.entries import StudyOptions
from ablation.engines.local import LocalEngine
from ablation.engines.task import Engine
from ablation.errors import ConfigError, without_password

CELLS = "ablation.commands.cells"


def choose_engine(options: StudyOptions, tracking_uri: str) -> Engine:
    """Raises ConfigError when what it takes is not there."""
    if options.engine == "local":
        return LocalEngine(options.jobs, preload=[CELLS])
    problems = []
    if find_spec("ray") is None:
        problems.append("engine=ray needs Ray, which is not installed: pip install 'ray>=2.50'")
    if not tracking_uri.startswith("http"):
        problems.append(
            f"engine=ray needs a tracking server that every node reaches, not {without_password(tracking_uri)}: start one with "
            "`mlflow server` and set MLFLOW_TRACKING_URI=http://HOST:5000"
        )
    if problems:
        raise ConfigError(problems)
    from ablation.engines.ray_cluster import RayEngine

    return RayEngine(options.address, options.cpus, options.gpus)
