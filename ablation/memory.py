"""How this process keeps its memory, and what is told when it runs out."""

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager

from ablation.errors import AblationError, reason

TRIM_THRESHOLD, TOP_PAD, MMAP_THRESHOLD = -1, -2, -3  # of glibc's malloc.h
LARGEST_INT = 2**31 - 1
SIGNS = ("allocate memory", "not enough memory", "out of memory", "bad_alloc")
"""In what torch raises, as a RuntimeError."""


@contextmanager
def telling_of_memory() -> Iterator[None]:
    """Raises AblationError with what to do where the block runs out of memory, of this machine or of a GPU."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        told = str(error).lower()
        if not isinstance(error, MemoryError) and not any(sign in told for sign in SIGNS):
            raise
        raise AblationError(
            f"memory ran out ({reason(error)}). Close other programs, then the same command goes on; or give a smaller "
            "batch_size or latent_dim, or fewer windows (windows=first, max_stories), which begins a new run"
        ) from error


def keep_freed_memory() -> bool:
    """Lets glibc keep freed blocks instead of giving them back: a training step frees and takes the
    same blocks again, and each page that the system hands out anew costs about 2 microseconds.

    False where there is no glibc.
    """
    return set_thresholds(mapped_from=2**30, trimmed_from=LARGEST_INT, padding=2**27)


def set_thresholds(mapped_from: int, trimmed_from: int, padding: int) -> bool:
    """Bytes: blocks from `mapped_from` on are mapped and given back at once; `trimmed_from` free at the
    end of the heap are given back; the heap grows by `padding` more than needed.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):
        return False
    settings = {MMAP_THRESHOLD: mapped_from, TRIM_THRESHOLD: trimmed_from, TOP_PAD: padding}
    taken = [mallopt(name, value) for name, value in settings.items()]
    return all(taken)
