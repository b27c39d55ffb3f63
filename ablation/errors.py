"""What can go wrong for a user: each error carries its message and the exit code of the program."""

LONGEST_SHOWN, LONGEST_PATH = 80, 300


def shown(value: object, longest: int = LONGEST_SHOWN) -> str:
    """A value within a message: on one line, printable, its first `longest` characters."""
    try:
        text = value if isinstance(value, str) else repr(value)
    except ValueError:  # Python writes no integer of more than 4,300 digits
        text = "an integer too long to write"
    start = text[:longest]
    start = start if start.isprintable() else start.encode("unicode_escape").decode()
    return start + ("…" if len(text) > longest else "")


def without_password(uri: str) -> str:
    """An address as it may be shown: without the name and password that may stand before its host."""
    scheme, there, rest = uri.partition("://")
    return f"{scheme}{there}{rest.rpartition('@')[2]}" if there else uri


def reason(error: BaseException) -> str:
    """What another library's error says, in its first line."""
    said = str(error).strip().splitlines() or [""]
    return shown(said[0].rstrip(".") or type(error).__name__, LONGEST_PATH)


class AblationError(Exception):
    """Ends the program with its message and `exit_code`, without a traceback."""

    exit_code = 1


class ConfigError(AblationError):
    """Every problem of a configuration at once; nothing heavy was imported, no run was opened."""

    exit_code = 2

    def __init__(self, problems: list[str]):
        self.problems = list(problems)
        lines = "".join(f"\n  - {problem}" for problem in self.problems)
        count = "1 problem" if len(self.problems) == 1 else f"{len(self.problems)} problems"
        super().__init__(f"the configuration has {count}:{lines}")


class DataError(AblationError):
    """The stories cannot be used: missing, unreachable, broken or too few."""


class TrackingError(AblationError):
    """The tracking server does not hold what was asked of it."""


class NonFiniteLoss(AblationError):
    """A loss component, or a weight, became NaN or infinite. `kept` is the point in training that the last checkpoint
    is from, in words; empty where there is none.
    """

    def __init__(self, component: str, value: float, epoch: int, step: int, kept: str = ""):
        self.component, self.value, self.epoch, self.step = component, value, epoch, step
        left = (
            f"the checkpoint of {kept} is kept under checkpoints/" if kept else "there is no checkpoint yet"
        )
        where = f"at step {step}" if step else "on the validation windows"
        super().__init__(
            f"{component} is {value} in epoch {epoch} {where}. The run stops here; {left}. Lower "
            "learning_rate or the loss weights, or look at the data"
        )

    def keeping(self, kept: str) -> "NonFiniteLoss":
        """The same, with what is known of the last checkpoint."""
        return NonFiniteLoss(self.component, self.value, self.epoch, self.step, kept)


class Incomplete(AblationError):
    """A table was asked for whose runs are not all there."""

    exit_code = 3
