"""Words that were read can be said again: attention over the descriptions of the input frames and over what has been
said so far, and a gate that copies (the pointer-generator of See et al. 2017).

Without it every name has to be learned by heart, and a name that few stories have is never said.
"""

import math
from dataclasses import dataclass

import torch
from torch import nn

from ablation.models.word_memory import Memory, in_sight, of_said

ATTENTION_WIDTH = 96
COPYING_AT_FIRST = -2.0
"""Logit of copying before training: one word in eight."""
NEVER = -1e4
SMALLEST = 1e-9


@dataclass(frozen=True)
class Copying:
    """For each of T positions: how likely the next word is copied, and from which of S words."""

    gate: torch.Tensor  # (B, T) logits
    attention: torch.Tensor  # (B, T, S), sums to 1
    words: torch.Tensor  # (B, S) token ids

    def share(self, targets: torch.Tensor) -> torch.Tensor:
        """(B, T): the attention that lies on words equal to `targets` (B, T)."""
        same = self.words[:, None, :] == targets[:, :, None]
        return (self.attention.float() * same).sum(dim=-1)

    def nats(self, targets: torch.Tensor, generated: torch.Tensor) -> torch.Tensor:
        """(B, T): minus the log-probability of `targets`, said or copied, given the nats of saying them."""
        gate = self.gate.float()
        said = nn.functional.logsigmoid(-gate) - generated
        copied = nn.functional.logsigmoid(gate) + (self.share(targets) + SMALLEST).log()
        return -torch.logaddexp(said, copied)

    def probabilities(self, logits: torch.Tensor) -> torch.Tensor:
        """(B, T, V) of every word, given the logits (B, T, V) of saying it."""
        gate = self.gate.float().sigmoid()[..., None]  # (B, T, 1)
        copied = torch.zeros_like(logits, dtype=torch.float32)
        places = self.words[:, None, :].expand_as(self.attention)
        copied.scatter_add_(-1, places, self.attention.float())
        return (1 - gate) * logits.float().softmax(dim=-1) + gate * copied


class WordCopy(nn.Module):
    """Attends from the decoder's states to words; D is the decoder's width, F that of z, R that of a word read."""

    def __init__(self, width: int, fused: int, features: int, frames: int, vocabulary: int):
        super().__init__()
        self.width, self.vocabulary = width, vocabulary
        self.query = nn.Linear(width, ATTENTION_WIDTH)
        self.key = nn.Linear(features, ATTENTION_WIDTH)
        self.frame_key = nn.Parameter(torch.zeros(frames, 1, ATTENTION_WIDTH))
        self.told_in_key = nn.Linear(frames, ATTENTION_WIDTH, bias=False)
        self.own_key = nn.Linear(2 * width, ATTENTION_WIDTH)
        self.again = nn.Linear(width, 1)
        self.from_read = nn.Linear(width, width, bias=False)
        self.head = nn.Sequential(nn.Linear(2 * width + fused, width), nn.GELU(), nn.Linear(width, width))
        self.gate = nn.Linear(2 * width, 1)
        nn.init.constant_(self.gate.bias, COPYING_AT_FIRST)

    def remember(self, features: torch.Tensor, words: torch.Tensor, pad: int) -> Memory:
        """Of the descriptions (B, K, T) and the features (B, K, T, R) of their words, the embeddings first.

        A key is a word between its neighbours, its frame, and in which of the K frames the word is told.
        """
        read = words.flatten(1)
        keys = (self.key(features) + self.frame_key).flatten(1, 2)  # (B, S, A)
        keys = keys + self.told_in_key(told_in(words, self.vocabulary).to(keys.dtype))
        return Memory(keys, features[..., : self.width].flatten(1, 2), read, read != pad)

    def own(self, before: torch.Tensor, embedded: torch.Tensor, words: torch.Tensor) -> Memory:
        """Of words said (B, T): embeddings (B, T, D), and the states (B, T, D) from which each was said."""
        keys = self.own_key(torch.cat([before, embedded], dim=-1))
        return of_said(keys, embedded, words)

    def forward(
        self, states: torch.Tensor, informed: torch.Tensor, z: torch.Tensor, read: Memory, said: Memory
    ) -> tuple[torch.Tensor, Copying]:
        """States (B, T, D) of the last T of the words `said`, which ask, and the same informed by attention, which tell
        -> states with what was found, and what they would copy.
        """
        steps = states.shape[1]
        queries = self.query(states) / math.sqrt(ATTENTION_WIDTH)  # (B, T, A)
        again = self.again(states) * said_before(read.words, said.words, steps, self.vocabulary)  # (B, T, S)
        scores = torch.baddbmm(again, queries, read.keys.transpose(1, 2))
        scores = torch.cat([scores, queries @ said.keys.transpose(1, 2)], dim=-1)  # (B, T, S + own)
        unseen = NEVER * ~in_sight(read, said, steps)
        attention = (scores + unseen).softmax(dim=-1)
        values = torch.cat([read.values, said.values], dim=1)
        found = attention.to(values.dtype) @ values  # (B, T, D)
        around = torch.cat([informed, found], dim=-1)  # (B, T, 2D)
        deep = self.head(torch.cat([around, z[:, None].expand(-1, steps, -1)], dim=-1))
        gate = self.gate(around).squeeze(-1)  # (B, T)
        copying = Copying(gate, attention, torch.cat([read.words, said.words], dim=1))
        return informed + self.from_read(found) + deep, copying


def told_in(words: torch.Tensor, vocabulary: int) -> torch.Tensor:
    """Words (B, K, T) of K descriptions -> (B, K · T, K): 1 where a word is told in a description, else 0."""
    batch, frames, _ = words.shape
    told = words.new_zeros(batch, frames, vocabulary).scatter_(2, words, 1)
    return told.gather(2, words.flatten(1)[:, None].expand(-1, frames, -1)).transpose(1, 2)


def said_before(read: torch.Tensor, said: torch.Tensor, steps: int, vocabulary: int) -> torch.Tensor:
    """Words read (B, S) and said (B, N) -> (B, T, S): 1 where a word that was read is among those said up to each of
    the last T, else 0.

    What has been said already is said again or avoided: the coverage of See et al. 2017, by word.
    """
    times = torch.arange(said.shape[1], device=said.device)
    first = torch.full((len(said), vocabulary), said.shape[1], device=said.device)
    first = first.scatter_reduce_(1, said, times.expand_as(said), "amin").gather(1, read)  # (B, S)
    return (times[-steps:, None] >= first[:, None, :]).float()
