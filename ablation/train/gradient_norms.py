"""How strongly each part of a model is pulled: the norms of its gradients, looked at now and then."""

import torch
from torch import nn

EVERY = 8
"""Steps between two looks: each reads all gradients once."""


class GradientNorms:
    """Of the trained parameters of each part, a direct child of the module. A GPU is not waited for until the
    means are asked for. What was `seen` before is counted, and added to.
    """

    def __init__(self, module: nn.Module, seen: list[torch.Tensor] | None = None):
        parts = {
            name: [p for p in part.parameters() if p.requires_grad] for name, part in module.named_children()
        }
        self.parts = {name: parameters for name, parameters in parts.items() if parameters}
        self.seen = [] if seen is None else seen

    def look(self, step: int) -> None:
        """After a backward pass, before the gradients are clipped; a part that has none yet counts as 0."""
        if not self.parts or (step - 1) % EVERY:
            return
        gradients = ([p.grad for p in part if p.grad is not None] for part in self.parts.values())
        norms = [nn.utils.get_total_norm(some) if some else torch.zeros(()) for some in gradients]
        device = next((norm.device for norm in norms if norm.device.type != "cpu"), "cpu")
        self.seen.append(torch.stack([norm.float().to(device) for norm in norms]))

    def means(self) -> dict[str, float]:
        """`health/gradient_norm_<part>` over the steps looked at."""
        if not self.seen:
            return {}
        means = torch.stack([norms.to(self.seen[-1].device) for norms in self.seen]).mean(dim=0).tolist()
        return {f"health/gradient_norm_{name}": value for name, value in zip(self.parts, means, strict=True)}
