"""Real tracking servers on loopback, that can be killed and started again where they were."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def wait_until(there: Callable[[], object], seconds: float = 120) -> None:
    until = time.monotonic() + seconds
    while not there():
        assert time.monotonic() < until, "waited in vain"
        time.sleep(0.1)


def answers(address: str) -> bool:
    try:
        return urllib.request.urlopen(address, timeout=2).status == 200
    except OSError:
        return False


class Server:
    """An MLflow server that also carries the artifacts; its store is a file beside them, if not given."""

    def __init__(self, folder: Path, store: str | None = None, *words: str, **environment: str):
        self.folder, self.port, self.words = folder, free_port(), words
        self.store, self.environment = store or f"sqlite:///{folder}/server.db", os.environ | environment
        self.uri = f"http://127.0.0.1:{self.port}"
        self.start()

    def start(self) -> None:
        artifacts = ["--artifacts-destination", str(self.folder / "artifacts"), "--serve-artifacts"]
        place = ["--host", "127.0.0.1", "--port", str(self.port), "--workers", "1"]
        command = [sys.executable, "-m", "mlflow", "server", "--backend-store-uri", self.store]
        with (self.folder / "server.log").open("a") as log:
            self.process = subprocess.Popen(
                [*command, *artifacts, *place, *self.words],
                cwd=self.folder,
                env=self.environment,
                start_new_session=True,
                stdout=log,
                stderr=log,
            )
        wait_until(lambda: answers(f"{self.uri}/health") or self._must_live())

    def _must_live(self) -> None:
        assert self.process.poll() is None, (self.folder / "server.log").read_text()[-2000:]

    def kill(self) -> None:
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


class Silent:
    """A server that takes every connection and never answers."""

    def __init__(self):
        self.socket = socket.socket()
        self.socket.bind(("127.0.0.1", 0))
        self.socket.listen(64)
        self.uri = f"http://127.0.0.1:{self.socket.getsockname()[1]}"

    def close(self) -> None:
        self.socket.close()
