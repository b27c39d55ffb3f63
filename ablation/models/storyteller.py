"""The predictor: four frames with their descriptions → the fifth frame and a description."""

from dataclasses import dataclass

import torch
from torch import nn

from ablation.config.config import Config
from ablation.models.initialise import initialise_kaiming
from ablation.models.text import State, TextAutoencoder
from ablation.models.visual import VisualAutoencoder, VisualDecoder
from ablation.randomness import initialising


@dataclass(frozen=True)
class Prediction:
    """What the model says of B windows. `context_image` is None without a context head."""

    z: torch.Tensor  # (B, F)
    image: torch.Tensor  # (B, 3, 60, 125) in [0, 1]
    context_image: torch.Tensor | None  # (B, 3, 60, 125) in [0, 1]
    word_states: torch.Tensor  # (B, T - 1, D): before the target's tokens 1 to T - 1, given those before


class FrameAttention(nn.Module):
    """One learned query over the K frames: scores, softmax, weighted mean."""

    def __init__(self, width: int):
        super().__init__()
        self.score = nn.Linear(width, 1)

    def forward(self, states: torch.Tensor) -> torch.Tensor:
        weights = self.score(states).softmax(dim=1)  # (B, K, 1)
        return (weights * states).sum(dim=1)  # (B, F)


class SequenceFusion(nn.Module):
    """GRU over the frames, attention, and the fused vector z."""

    def __init__(self, inputs: int, fused: int, latent_norm: str):
        super().__init__()
        self.gru = nn.GRU(inputs, fused, batch_first=True)
        self.attention = FrameAttention(fused)
        self.project = nn.Linear(2 * fused, fused)
        self.norm = nn.ReLU() if latent_norm == "relu" else nn.LayerNorm(fused)

    def forward(self, steps: torch.Tensor) -> torch.Tensor:
        states, last = self.gru(steps)  # (B, K, F), (1, B, F)
        joined = torch.cat([last[0], self.attention(states)], dim=-1)  # (B, 2F)
        return self.norm(self.project(joined))  # (B, F)


class Storyteller(nn.Module):
    """The whole model. Its text autoencoder comes pretrained; the notebook keeps it frozen."""

    def __init__(self, config: Config, visual: VisualAutoencoder, text: TextAutoencoder):
        super().__init__()
        latent, fused, width = config.latent_dim, config.fused_dim, config.text_dim
        self.image_heads = config.image_heads
        self.visual, self.text = visual, text
        with initialising(config.seed, "fusion"):
            fusion = SequenceFusion(latent + width, fused, config.latent_norm)
            self.fusion = initialise_kaiming(fusion)
        with initialising(config.seed, "text heads"):
            self.to_hidden = initialise_kaiming(nn.Linear(fused, width))
            self.to_cell = initialise_kaiming(nn.Linear(fused, width))
        with initialising(config.seed, "image heads"):
            self.to_image = _width_adapter(fused, latent)
        if config.image_heads == "separate":
            with initialising(config.seed, "context head"):
                self.to_context = _width_adapter(fused, latent)
                self.context_decoder = initialise_kaiming(VisualDecoder(latent))
        self.text.requires_grad_(False)
        self.text.decoder.requires_grad_(config.text_decoder == "trained")

    def forward(
        self, frames: torch.Tensor, text_latents: torch.Tensor, teacher_tokens: torch.Tensor
    ) -> Prediction:
        """`teacher_tokens` (B, T - 1) are what the text decoder is fed, step by step."""
        z = self.fuse(frames, text_latents)
        image, context_image = self.paint(z)
        return Prediction(z, image, context_image, self.tell(z, teacher_tokens))

    @torch.no_grad()
    def read(self, tokens: torch.Tensor) -> torch.Tensor:
        """Tokens (…, T) -> text latents (…, D) of the frozen encoder: the same in every epoch."""
        hidden, _ = self.text.encoder(tokens.flatten(0, -2))
        return hidden.unflatten(0, tokens.shape[:-1])

    def fuse(self, frames: torch.Tensor, text_latents: torch.Tensor) -> torch.Tensor:
        """Frames (B, K, 3, 60, 125) and their text latents (B, K, D) -> z (B, F)."""
        latents = self.visual.encoder(frames.flatten(0, 1))  # (B * K, L)
        latents = latents.unflatten(0, frames.shape[:2])  # (B, K, L)
        return self.fusion(torch.cat([latents, text_latents], dim=-1))

    def paint(self, z: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor | None]:
        """z (B, F) -> the image and the context image, (B, 3, 60, 125) each.

        With shared heads both are one tensor: the original decodes the same input twice.
        """
        image = self.visual.decoder(self.to_image(z))
        if self.image_heads == "shared":
            return image, image
        if self.image_heads == "single":
            return image, None
        return image, self.context_decoder(self.to_context(z))

    def tell(self, z: torch.Tensor, teacher_tokens: torch.Tensor) -> torch.Tensor:
        """z (B, F) and teacher tokens (B, T - 1) -> word states (B, T - 1, D)."""
        state = self.text_state(z)
        return self.text.decoder(teacher_tokens, state, condition=state[0])

    @property
    def visual_parts(self) -> list[nn.Module]:
        """The convolutional networks: nearly all of the arithmetic besides the logits."""
        context = [self.context_decoder] if self.image_heads == "separate" else []
        return [self.visual.encoder, self.visual.decoder, *context]

    @property
    def output(self) -> nn.Linear:
        """Word states to logits (…, V)."""
        return self.text.decoder.output

    def text_state(self, z: torch.Tensor) -> State:
        """The decoder's first hidden and cell state, (B, D) each."""
        return self.to_hidden(z), self.to_cell(z)

    def generate(self, z: torch.Tensor, start: int, end: int, length: int) -> list[list[int]]:
        """The likeliest description of each story, as token ids without start and end."""
        state = self.text_state(z)
        return self.text.decoder.generate(state, state[0], start, end, length)


def _width_adapter(fused: int, latent: int) -> nn.Module:
    """z to the image latent: nothing where the widths agree, as in the basecase."""
    return nn.Identity() if fused == latent else initialise_kaiming(nn.Linear(fused, latent))


def build_text_autoencoder(config: Config, vocabulary: int) -> TextAutoencoder:
    """Freshly initialised with torch's own defaults."""
    with initialising(config.seed, "text autoencoder"):
        return TextAutoencoder(vocabulary, config.text_dim, config.text_conditioning == "every_step")


def build_visual_autoencoder(config: Config) -> VisualAutoencoder:
    """Freshly initialised, Kaiming-normal."""
    with initialising(config.seed, "visual autoencoder"):
        return VisualAutoencoder(config.visual, config.latent_dim)


def trainable_parameters(module: nn.Module) -> list[nn.Parameter]:
    """The parameters that the optimiser moves."""
    return [p for p in module.parameters() if p.requires_grad]


def count_parameters(module: nn.Module, trainable_only: bool = False) -> int:
    """Numbers in the parameters of a module."""
    return sum(p.numel() for p in module.parameters() if p.requires_grad or not trainable_only)
