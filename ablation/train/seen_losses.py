"""The losses of many batches and their mean, without waiting for a GPU at each."""

import torch


class SeenLosses:
    """Loss components per batch. A GPU's stay there until they are asked for; a CPU's become numbers at
    once, since small tensors kept among large ones that come and go make the heap grow.
    """

    def __init__(self):
        self.names: list[str] = []
        self.rows: list[list[float] | torch.Tensor] = []
        self.counts: list[int] = []

    def add(self, losses: dict[str, torch.Tensor], count: int) -> None:
        """The losses of a batch of `count` samples."""
        self.names = list(losses)
        row = torch.stack([loss.detach() for loss in losses.values()])
        self.rows.append(row.tolist() if row.device.type == "cpu" else row)
        self.counts.append(count)

    @property
    def without_waiting(self) -> bool:
        """Whether the values can be looked at for nothing."""
        return isinstance(self.rows[-1], list)

    @property
    def samples(self) -> int:
        """In all batches together."""
        return sum(self.counts)

    def last(self) -> dict[str, float]:
        """Of the latest batch, where that takes no waiting."""
        return dict(zip(self.names, self.rows[-1], strict=True))

    def all(self) -> list[dict[str, float]]:
        """Of each batch, fetched at once."""
        rows = self.rows if self.without_waiting else torch.stack(self.rows).tolist()
        return [dict(zip(self.names, row, strict=True)) for row in rows]

    def means(self) -> dict[str, float]:
        """Weighted by samples."""
        batches = list(zip(self.all(), self.counts, strict=True))
        return {
            name: sum(values[name] * count for values, count in batches) / self.samples for name in self.names
        }
