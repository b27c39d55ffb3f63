"""What a person sees while a command works: lines, and bars with the time left on a terminal."""

import sys

from tqdm import tqdm

PERCENT = "{desc}: {percentage:3.0f}%|{bar}| {elapsed} gone, {remaining} left{postfix}"


class Console:
    """Prints to standard output; bars go to standard error and vanish in pipes."""

    def __init__(self):
        self._bar: tqdm | None = None
        self._label = ""

    def say(self, text: str = "") -> None:
        """A line above the bar."""
        tqdm.write(text, file=sys.stdout)
        sys.stdout.flush()

    def progress(self, label: str, done: int, total: int, detail: str = "") -> None:
        """Moves the bar of that label to `done`; total 0 means that the end is not known. With `detail`,
        which is shown behind it, the bar counts in percent.
        """
        if label != self._label:
            self.close()
            self._label = label
            form = PERCENT if detail else None
            self._bar = tqdm(
                desc=label, total=total or None, disable=None, leave=False, delay=0.5, bar_format=form
            )
        if detail:
            self._bar.set_postfix_str(detail, refresh=False)
        self._bar.update(done - self._bar.n)

    def close(self) -> None:
        """Takes the bar away."""
        if self._bar is not None:
            self._bar.close()
        self._bar, self._label = None, ""


class Silent(Console):
    """Shows nothing."""

    def say(self, text: str = "") -> None:
        """Not shown."""

    def progress(self, label: str, done: int, total: int, detail: str = "") -> None:
        """Not shown."""


class SayingOnce(Console):
    """Passes on to another console, each line the first time only."""

    def __init__(self, console: Console):
        super().__init__()
        self.console, self.said = console, set()

    def say(self, text: str = "") -> None:
        """Not shown again."""
        if text not in self.said:
            self.said.add(text)
            self.console.say(text)

    def progress(self, label: str, done: int, total: int, detail: str = "") -> None:
        """As the other console shows it."""
        self.console.progress(label, done, total, detail)

    def close(self) -> None:
        """Takes the other console's bar away."""
        self.console.close()
