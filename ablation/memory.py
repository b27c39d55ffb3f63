"""How this process keeps its memory."""

import ctypes

TRIM_THRESHOLD, TOP_PAD, MMAP_THRESHOLD = -1, -2, -3  # of glibc's malloc.h
LARGEST_INT = 2**31 - 1


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
