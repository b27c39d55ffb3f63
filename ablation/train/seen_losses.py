"""The losses of many batches and their mean, without waiting for a GPU at each."""

import torch


class SeenLosses:
    """Loss components per batch. They stay on their device until they are asked for."""

    def __init__(self):
        self.names: list[str] = []
        self.rows: list[torch.Tensor] = []
        self.counts: list[int] = []

    def add(self, losses: dict[str, torch.Tensor], count: int) -> None:
        """The losses of a batch of `count` samples."""
        self.names = list(losses)
        self.rows.append(torch.stack([loss.detach() for loss in losses.values()]))
        self.counts.append(count)

    @property
    def without_waiting(self) -> bool:
        """Whether the values can be looked at for nothing."""
        return self.rows[-1].device.type == "cpu"

    @property
    def samples(self) -> int:
        """In all batches together."""
        return sum(self.counts)

    def last(self) -> dict[str, float]:
        """Of the latest batch."""
        return dict(zip(self.names, self.rows[-1].tolist(), strict=True))

    def all(self) -> list[dict[str, float]]:
        """Of each batch, fetched at once."""
        rows = torch.stack(self.rows).tolist()
        return [dict(zip(self.names, row, strict=True)) for row in rows]

    def means(self) -> dict[str, float]:
        """Weighted by samples."""
        batches = list(zip(self.all(), self.counts, strict=True))
        return {
            name: sum(values[name] * count for values, count in batches) / self.samples for name in self.names
        }
