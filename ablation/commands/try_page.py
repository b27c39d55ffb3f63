"""`try`: a page on this machine, on which a trained model can be asked."""

import socket

from ablation.commands.opening import open_model
from ablation.config.entries import TryOptions
from ablation.console import Console
from ablation.errors import AblationError
from ablation.track.store import label_bystander

HERE = "127.0.0.1"


def run(options: TryOptions, console: Console) -> int:
    """The command `try`; serves until it is stopped."""
    import uvicorn

    from ablation.page.app import make_app

    label_bystander("try", "try")
    with _listening(options.port) as listener:
        predictor, told = open_model(options.model)
        server = uvicorn.Server(uvicorn.Config(make_app(predictor, told), log_level="warning"))
        console.say(f"{told}\nask it at  http://{HERE}:{listener.getsockname()[1]}   (Ctrl-C ends the page)")
        try:
            server.run(sockets=[listener])
        except KeyboardInterrupt:
            console.say("the page is closed")
    return 0


def _listening(port: int) -> socket.socket:
    """Raises AblationError where another program has the port."""
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((HERE, port))
        listener.listen()
    except OSError as error:
        listener.close()
        raise AblationError(
            f"port={port}: {error.strerror}; give another, or 0 for any that is free"
        ) from error
    return listener
