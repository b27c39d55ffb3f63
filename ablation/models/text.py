"""The text autoencoder: two one-layer LSTMs, description → state → description."""

import torch
from torch import nn

State = tuple[torch.Tensor, torch.Tensor]  # hidden and cell, (B, D) each


class TextEncoder(nn.Module):
    """Reads all T positions, padding included, as the original does."""

    def __init__(self, vocabulary: int, width: int):
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, width)
        self.lstm = nn.LSTM(width, width, batch_first=True)

    def forward(self, tokens: torch.Tensor) -> State:
        _, (hidden, cell) = self.lstm(self.embedding(tokens))  # (B, T, D) -> (1, B, D) each
        return hidden[0], cell[0]


class TextDecoder(nn.Module):
    """Teacher-forced LSTM language model started from a state.

    With `condition_width` C > 0, a condition (B, C) enters every step beside the word. `tied`: embedding and output
    share their weights (Press & Wolf 2017), drawn small enough to begin with even odds.
    """

    def __init__(self, vocabulary: int, width: int, condition_width: int = 0, tied: bool = False):
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, width)
        self.lstm = nn.LSTM(width + condition_width, width, batch_first=True)
        self.output = nn.Linear(width, vocabulary)
        self.condition_width = condition_width
        if tied:
            nn.init.normal_(self.embedding.weight, std=width**-0.5)
            self.output.weight = self.embedding.weight

    def forward(self, tokens: torch.Tensor, state: State, condition: torch.Tensor) -> torch.Tensor:
        """States (B, T, D); `output` makes them logits, which the loss never holds all at once."""
        states, _ = self.step(tokens, state, condition)
        return states

    def step(self, tokens: torch.Tensor, state: State, condition: torch.Tensor) -> tuple[torch.Tensor, State]:
        """States (B, T, D) after each token, and the LSTM's state after the last."""
        words = self.embedding(tokens)  # (B, T, D)
        if self.condition_width:
            repeated = condition[:, None].expand(-1, tokens.shape[1], -1)  # (B, T, C)
            words = torch.cat([words, repeated], dim=-1)  # (B, T, D + C)
        hidden, cell = (part[None].contiguous() for part in state)  # (1, B, D) each
        states, (hidden, cell) = self.lstm(words, (hidden, cell))
        return states, (hidden[0], cell[0])

    @torch.no_grad()
    def generate(
        self, state: State, condition: torch.Tensor, start: int, end: int, length: int
    ) -> list[list[int]]:
        """The likeliest next token at each step, per story, up to `end` or `length` tokens."""
        token = torch.full((len(state[0]), 1), start, device=state[0].device)
        columns = []
        for _ in range(length):
            states, state = self.step(token, state, condition)
            token = self.output(states[:, -1]).argmax(dim=-1, keepdim=True)  # (B, 1)
            columns.append(token)
        return cut_at(torch.cat(columns, dim=1).tolist(), end)


def cut_at(rows: list[list[int]], end: int) -> list[list[int]]:
    """Each row up to its first `end`."""
    return [row[: row.index(end)] if end in row else row for row in rows]


class TextAutoencoder(nn.Module):
    """Copies a description through the encoder's last state."""

    def __init__(self, vocabulary: int, width: int, conditioned: bool = False, tied: bool = False):
        super().__init__()
        self.encoder = TextEncoder(vocabulary, width)
        self.decoder = TextDecoder(vocabulary, width, width if conditioned else 0, tied)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        hidden, cell = self.encoder(tokens)
        return self.decoder(tokens[:, :-1], (hidden, cell), condition=hidden)  # (B, T - 1, D)

    def speak(self, tokens: torch.Tensor) -> torch.Tensor:
        """The decoder alone, from an empty state: a language model."""
        empty = torch.zeros(len(tokens), self.decoder.lstm.hidden_size, device=tokens.device)
        return self.decoder(tokens[:, :-1], (empty, empty), condition=empty)  # (B, T - 1, D)
