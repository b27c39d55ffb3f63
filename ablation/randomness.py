"""Named random generators: one per use, each derived from the run's seed and its own name.

Taking one component away therefore shifts no other component's draws (statistics: pairing). A component is a whole
network: another width of the image latent draws the visual autoencoder and the GRU anew, and nothing else.
"""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager

import torch


def derived_seed(seed: int, *name: object) -> int:
    """A 63-bit seed from the run's seed and a name, e.g. `("order", 3)` for epoch 3."""
    text = "/".join(map(str, (seed, *name)))
    digest = hashlib.blake2b(text.encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") >> 1


def generator(seed: int, *name: object) -> torch.Generator:
    """A CPU generator of its own for one named use."""
    return torch.Generator().manual_seed(derived_seed(seed, *name))


@contextmanager
def initialising(seed: int, *name: object) -> Iterator[None]:
    """Runs module constructors, which draw from torch's global state, under a named seed.

    The global state is as before afterwards.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derived_seed(seed, "initialise", *name))
        yield
