"""The losses of many batches and their mean, without waiting for a GPU at each."""

from typing import Any

import torch


class SeenLosses:
    """Loss components per batch. A GPU's stay there until they are asked for; a CPU's become numbers at
    once, since small tensors kept among large ones that come and go make the heap grow.
    """

    def __init__(self):
        self.names: list[str] = []
        self.rows: list[list[float] | torch.Tensor] = []
        self.counts: list[int] = []

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for a checkpoint."""
        return {"names": self.names, "rows": self._fetched(), "counts": self.counts}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "SeenLosses":
        """What `as_dict` gave."""
        seen = cls()
        seen.names, seen.rows, seen.counts = (list(values[name]) for name in ("names", "rows", "counts"))
        return seen

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
        return [dict(zip(self.names, row, strict=True)) for row in self._fetched()]

    def _fetched(self) -> list[list[float]]:
        """The rows as numbers; those of a GPU come in one piece."""
        waiting = [row for row in self.rows if isinstance(row, torch.Tensor)]
        fetched = iter(torch.stack(waiting).tolist() if waiting else [])
        return [next(fetched) if isinstance(row, torch.Tensor) else row for row in self.rows]

    def means(self) -> dict[str, float]:
        """Weighted by samples."""
        batches = list(zip(self.all(), self.counts, strict=True))
        return {
            name: sum(values[name] * count for values, count in batches) / self.samples for name in self.names
        }
