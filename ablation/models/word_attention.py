"""Attention with several heads over the words that were read and those said so far (Bahdanau et al. 2015, Vaswani et
al. 2017): what a sentence may speak of, and what has been told already.
"""

import torch
from torch import nn
from torch.nn import functional

from ablation.models.word_memory import Memory, in_sight, of_said

HEADS, HEAD_WIDTH = 4, 16


class WordAttention(nn.Module):
    """Adds to the decoder's states what they find; D is the decoder's width, F that of z, R that of a word read."""

    def __init__(self, width: int, fused: int, features: int, frames: int):
        super().__init__()
        inner = HEADS * HEAD_WIDTH
        self.query = nn.Linear(width + fused, inner)
        self.of_read = nn.Linear(features, 2 * inner)
        self.frame_key = nn.Parameter(torch.zeros(frames, 1, inner))
        self.of_said = nn.Linear(2 * width, 2 * inner)
        self.found = nn.Linear(inner, width)

    def remember(self, features: torch.Tensor, words: torch.Tensor, pad: int) -> Memory:
        """Of the descriptions (B, K, T) and the features (B, K, T, R) of their words."""
        keys, values = self.of_read(features).chunk(2, dim=-1)  # (B, K, T, A)
        read = words.flatten(1)
        return Memory((keys + self.frame_key).flatten(1, 2), values.flatten(1, 2), read, read != pad)

    def own(self, before: torch.Tensor, embedded: torch.Tensor, words: torch.Tensor) -> Memory:
        """Of words said (B, T): embeddings (B, T, D), and the states (B, T, D) from which each was said."""
        keys, values = self.of_said(torch.cat([before, embedded], dim=-1)).chunk(2, dim=-1)
        return of_said(keys, values, words)

    def forward(self, states: torch.Tensor, z: torch.Tensor, read: Memory, said: Memory) -> torch.Tensor:
        """States (B, T, D) of the last T of the words `said` -> the same with what each has found."""
        steps = states.shape[1]
        asked = self.query(torch.cat([states, z[:, None].expand(-1, steps, -1)], dim=-1))  # (B, T, A)
        keys, values = torch.cat([read.keys, said.keys], dim=1), torch.cat([read.values, said.values], dim=1)
        parts = [part.unflatten(-1, (HEADS, HEAD_WIDTH)).transpose(1, 2) for part in (asked, keys, values)]
        sight = in_sight(read, said, steps)[:, None]  # (B, 1, T, S)
        found = functional.scaled_dot_product_attention(*parts, attn_mask=sight)  # (B, H, T, A / H)
        return states + self.found(found.transpose(1, 2).flatten(2))
