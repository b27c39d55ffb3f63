"""Words that can be looked back at: those that were read and those said so far."""

from dataclasses import dataclass, fields

import torch
from torch import nn
from torch.nn import functional


@dataclass(frozen=True)
class Memory:
    """S words, each with what it is found by and what it tells."""

    keys: torch.Tensor  # (B, S, A)
    values: torch.Tensor  # (B, S, D)
    words: torch.Tensor  # (B, S) token ids
    real: torch.Tensor  # (B, S) false at PAD

    def with_words(self, other: "Memory") -> "Memory":
        """Both, one after the other."""
        pairs = ((getattr(self, field.name), getattr(other, field.name)) for field in fields(self))
        return Memory(*(torch.cat(pair, dim=1) for pair in pairs))


class WordReader(nn.Module):
    """Each word of a description, and half as many numbers on it between its neighbours."""

    def __init__(self, width: int):
        super().__init__()
        self.neighbours = nn.Conv1d(width, width // 2, 3, padding=1)
        self.features = width + width // 2

    def forward(self, embedded: torch.Tensor) -> torch.Tensor:
        """Words (B, K, T, D) -> (B, K, T, `features`)."""
        around = self.neighbours(embedded.flatten(0, 1).transpose(1, 2)).transpose(1, 2)  # (B * K, T, D / 2)
        return torch.cat([embedded, functional.gelu(around).unflatten(0, embedded.shape[:2])], dim=-1)


def of_said(keys: torch.Tensor, values: torch.Tensor, words: torch.Tensor) -> Memory:
    """Of words said (B, T): none of them is PAD to the one who says them."""
    return Memory(keys, values, words, torch.ones_like(words, dtype=torch.bool))


def in_sight(read: Memory, said: Memory, steps: int) -> torch.Tensor:
    """(B, T, S + own): true where the last T of the words said can look: at all that was read, padding left out, and
    at what was said up to themselves.
    """
    words = said.words.shape[1]
    past = torch.ones(steps, words, dtype=torch.bool, device=said.words.device).tril(words - steps)
    seen = [part.expand(len(said.words), steps, -1) for part in (read.real[:, None], past[None])]
    return torch.cat(seen, dim=-1)
