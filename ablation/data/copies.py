"""Stories that are scored although their like is trained on."""

from hashlib import blake2b

from ablation.data.windows import WINDOW, StoryWindows

Words = tuple[str, ...]


def copied_stories(scored: StoryWindows, train: StoryWindows) -> list[str]:
    """Ids of the stories of `scored` of which a window, its words and its pictures, is one of `train` too.

    Pictures are compared as they were prepared, and only those of windows with the same words.
    """
    said, heard = _words(train), _words(scored)
    alike = set(said) & set(heard)
    seen = {(words, _look(train, window)) for window, words in enumerate(said) if words in alike}
    found = {
        int(scored.stories[window])
        for window, words in enumerate(heard)
        if words in alike and (words, _look(scored, window)) in seen
    }
    return [scored.story_ids[story] for story in sorted(found)]


def _words(windows: StoryWindows) -> list[Words]:
    return [tuple(windows.window_texts(window)) for window in range(len(windows))]


def _look(windows: StoryWindows, window: int) -> bytes:
    start = int(windows.starts[window])
    return blake2b(windows.frames[start : start + WINDOW].tobytes()).digest()
