"""The original's model written anew, plainly, from its description: the same weights give the same numbers."""

import pytest
import torch
from torch import nn
from torch.nn import functional

from tests.test_models import inputs, storyteller


def with_weights_of(part: nn.Module, module: nn.Module) -> nn.Module:
    """The weights of `part`, copied in their order."""
    with torch.no_grad():
        for mine, theirs in zip(module.parameters(), part.parameters(), strict=True):
            assert mine.shape == theirs.shape
            mine.copy_(theirs)
    return module


def halved(inputs: int, outputs: int, size: int) -> nn.Sequential:
    conv = nn.Conv2d(inputs, outputs, size, stride=2, padding=size // 2)
    return nn.Sequential(conv, nn.GroupNorm(8, outputs), nn.LeakyReLU(0.1))


class Residual(nn.Module):
    def __init__(self, inputs: int, outputs: int):
        super().__init__()
        self.first, self.norm = nn.Conv2d(inputs, outputs, 3, 2, 1, bias=False), nn.GroupNorm(8, outputs)
        self.second, self.last = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False), nn.GroupNorm(8, outputs)
        self.beside = nn.Sequential(nn.Conv2d(inputs, outputs, 1, 2, bias=False), nn.GroupNorm(8, outputs))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        inner = self.last(self.second(self.norm(self.first(x)).relu()))
        return (inner + self.beside(x)).relu()


BACKBONES = {
    "basecase": lambda: nn.Sequential(halved(3, 16, 7), halved(16, 32, 5), halved(32, 64, 3)),
    "resnet": lambda: nn.Sequential(halved(3, 16, 7), Residual(16, 32), Residual(32, 64)),
}


def seen(visual: str, model: nn.Module, frames: torch.Tensor) -> torch.Tensor:
    """(N, 3, 60, 125) -> (N, 16)."""
    paths = []
    for part in (model.visual.encoder.content, model.visual.encoder.context):
        path = nn.Sequential(BACKBONES[visual](), nn.Flatten(), nn.Linear(8192, 16), nn.ReLU())
        paths.append(with_weights_of(part, path)(frames))
    return with_weights_of(model.visual.encoder.merge, nn.Linear(32, 16))(torch.cat(paths, dim=1))


def painted(model: nn.Module, latent: torch.Tensor) -> torch.Tensor:
    up = [nn.ConvTranspose2d(*shape, 2, shape[2] // 2, 1) for shape in ((64, 32, 3), (32, 16, 5), (16, 3, 7))]
    between = [(nn.GroupNorm(8, channels), nn.LeakyReLU(0.1)) for channels in (32, 16)]
    layers = [
        nn.Linear(16, 8192),
        nn.Unflatten(1, (64, 8, 16)),
        up[0],
        *between[0],
        up[1],
        *between[1],
        up[2],
    ]
    image = with_weights_of(model.visual.decoder, nn.Sequential(*layers))(latent)
    return image.sigmoid()[:, :, :60, :125]


def read_by_lstm(part: nn.Module, tokens: torch.Tensor, state=None):
    words = functional.embedding(tokens, part.embedding.weight)
    return with_weights_of(part.lstm, nn.LSTM(16, 16, batch_first=True))(words, state)


@pytest.mark.parametrize("visual", ["basecase", "resnet"])
def test_the_model_is_the_one_that_was_described(visual):
    model, (batch, teacher) = storyteller(visual=visual), inputs()
    batch.tokens[:, :, 70:] = 0  # padding is read as any word
    prediction = model(batch, teacher)
    images = seen(visual, model, batch.frames.flatten(0, 1)).unflatten(0, (3, 4))
    _, (hidden, _) = read_by_lstm(model.text.encoder, batch.tokens.flatten(0, 1))
    steps = torch.cat([images, hidden[0].unflatten(0, (3, 4))], dim=2)
    states, last = with_weights_of(model.fusion.gru, nn.GRU(32, 16, batch_first=True))(steps)
    weights = with_weights_of(model.fusion.attention, nn.Linear(16, 1))(states).softmax(dim=1)
    joined = torch.cat([last[0], (weights * states).sum(dim=1)], dim=1)
    z = with_weights_of(model.fusion.project, nn.Linear(32, 16))(joined).relu()
    begin = [with_weights_of(part, nn.Linear(16, 16))(z)[None] for part in (model.to_hidden, model.to_cell)]
    told, _ = read_by_lstm(model.text.decoder, teacher, tuple(begin))
    logits = with_weights_of(model.output, nn.Linear(16, 50))(told)
    assert (z > 0).any() and weights.std() > 0.01
    close = {"atol": 1e-5, "rtol": 1e-4}
    torch.testing.assert_close(prediction.z, z, **close)
    torch.testing.assert_close(prediction.image, painted(model, z), **close)
    torch.testing.assert_close(model.output(prediction.word_states), logits, **close)
