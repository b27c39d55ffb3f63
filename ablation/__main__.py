"""`python -m ablation COMMAND --key value …`: reads the words, then imports what the command needs."""

import os
import signal
import sys
from concurrent.futures.process import BrokenProcessPool
from importlib import import_module

from ablation.config.command_line import HELP_WORDS, entry_help, entry_of, general_help, settings_of
from ablation.errors import AblationError
from ablation.memory import telling_of_memory
from ablation.places import refused
from ablation.stopping import listen

STOPPED = 130
PIPE_CLOSED = 141
HELPER_DIED = "a helper process died, often for lack of memory: close other programs; the same command begins that part anew"


def main(words: list[str] | None = None) -> int:
    """Runs one command; returns the exit code of the program."""
    words = sys.argv[1:] if words is None else words
    if not words or words[0] in HELP_WORDS:
        print(general_help())
        return 0 if words else 2
    try:
        return run(words[0], words[1:])
    except AblationError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        return STOPPED
    except BrokenProcessPool:
        print(f"error: {HELPER_DIED}", file=sys.stderr)
        return 1
    except BrokenPipeError:  # whoever read the output, such as `head`, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return PIPE_CLOSED
    except OSError as error:
        print(f"error: {refused(error)}", file=sys.stderr)
        return 1


def run(name: str, words: list[str]) -> int:
    """Checks the settings before anything heavy is imported. Raises AblationError."""
    entry = entry_of(name)
    if any(word in HELP_WORDS for word in words):
        print(entry_help(entry))
        return 0
    settings = settings_of(entry, words)
    listen(signal.SIGTERM, signal.SIGINT)
    from ablation.console import Console

    console = Console()
    try:
        with telling_of_memory():
            return import_module(f"ablation.commands.{entry.module}").run(settings, console)
    finally:
        console.close()


if __name__ == "__main__":
    sys.exit(main())
