"""The predictor: four frames with their descriptions → the fifth frame and a description."""

from dataclasses import dataclass, replace

import torch
from torch import nn
from torch.nn import functional

from ablation.config.config import Config
from ablation.data.batches import INPUTS, Batch, Inputs
from ablation.data.sentences import sentence_width
from ablation.data.tokens import MAX_TOKENS, Vocabulary
from ablation.models.initialise import initialise_kaiming
from ablation.models.pixel_copy import PixelCopy
from ablation.models.text import State, TextAutoencoder, cut_at
from ablation.models.visual import VisualAutoencoder, VisualDecoder
from ablation.models.word_attention import WordAttention
from ablation.models.word_copy import Copying, WordCopy
from ablation.models.word_memory import Memory, WordReader
from ablation.randomness import initialising

SATURATED = 4.0
"""Beyond it a sigmoid is within 2 % of 0 or 1."""
INPUT_NORMS = {"none": nn.Identity, "layernorm": nn.LayerNorm, "batchnorm": nn.BatchNorm1d}


@dataclass(frozen=True)
class Condition:
    """What B windows tell: the fused vector, and what can be copied from."""

    z: torch.Tensor  # (B, F)
    frames: torch.Tensor  # (B, K, 3, 60, 125) in [0, 1]
    tokens: torch.Tensor  # (B, K, T)
    saturation: torch.Tensor | None = None  # (), see SequenceFusion.saturation; not looked at in training


@dataclass(frozen=True)
class Prediction:
    """What the model says of B windows. `context_image` is None without a context head, `copying` without copied
    words.
    """

    z: torch.Tensor  # (B, F)
    image: torch.Tensor  # (B, 3, 60, 125) in [0, 1]
    context_image: torch.Tensor | None  # (B, 3, 60, 125) in [0, 1]
    word_states: torch.Tensor  # (B, T - 1, D): before the target's tokens 1 to T - 1, given those before
    copying: Copying | None = None
    saturation: torch.Tensor | None = None  # ()


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

    def __init__(self, inputs: int, fused: int, latent_norm: str, input_norm: str):
        super().__init__()
        self.input_norm = INPUT_NORMS[input_norm](inputs)
        self.gru = nn.GRU(inputs, fused, batch_first=True)
        self.attention = FrameAttention(fused)
        self.project = nn.Linear(2 * fused, fused)
        self.norm = nn.ReLU() if latent_norm == "relu" else nn.LayerNorm(fused)

    def forward(self, steps: torch.Tensor) -> torch.Tensor:
        states, last = self.gru(self._normal(steps))  # (B, K, F), (1, B, F)
        joined = torch.cat([last[0], self.attention(states)], dim=-1)  # (B, 2F)
        return self.norm(self.project(joined))  # (B, F)

    def _normal(self, steps: torch.Tensor) -> torch.Tensor:
        return self.input_norm(steps.flatten(0, 1)).unflatten(0, steps.shape[:2])  # (B, K, L + D)

    @torch.no_grad()
    def saturation(self, steps: torch.Tensor) -> torch.Tensor:
        """Share of the GRU's gates in [0, 1] that the input alone drives so far that they no longer move."""
        driven = functional.linear(self._normal(steps), self.gru.weight_ih_l0, self.gru.bias_ih_l0)
        gates = driven[..., : 2 * self.gru.hidden_size]  # (B, K, 2F): reset and update
        return (gates.abs() > SATURATED).float().mean()


class Storyteller(nn.Module):
    """The whole model. Its text autoencoder comes pretrained; the notebook keeps it frozen."""

    def __init__(self, config: Config, visual: VisualAutoencoder, text: TextAutoencoder, pad: int):
        super().__init__()
        latent, fused, width = config.latent_dim, config.fused_dim, config.text_dim
        self.image_heads, self.text_encoder, self.pad = config.image_heads, config.text_encoder, pad
        self.visual, self.text = visual, text
        with initialising(config.seed, "fusion"):
            inputs = latent + read_width(config)
            fusion = SequenceFusion(inputs, fused, config.latent_norm, config.input_norm)
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
        with initialising(config.seed, "pixel copy"):
            self.pixel_copy = PixelCopy(INPUTS, fused) if config.image_copy == "pixels" else None
        with initialising(config.seed, "word reader"):
            recalls = "words" in (config.text_attention, config.text_copy)
            self.word_reader = WordReader(width) if recalls else None
        sizes = (width, fused, self.word_reader.features, INPUTS) if recalls else ()
        with initialising(config.seed, "word attention"):
            self.word_attention = WordAttention(*sizes) if config.text_attention == "words" else None
        with initialising(config.seed, "word copy"):
            copies = config.text_copy == "words"
            self.word_copy = WordCopy(*sizes, text.decoder.output.out_features) if copies else None
        self.visual.encoder.requires_grad_(config.visual_encoder == "trained")
        self.text.requires_grad_(False)
        self.text.decoder.requires_grad_(config.text_decoder == "trained")

    def forward(
        self, batch: Batch, teacher_tokens: torch.Tensor, kept: torch.Tensor | None = None
    ) -> Prediction:
        """`teacher_tokens` (B, T - 1) are what the text decoder is fed, step by step; `kept` (B, F) scales z."""
        condition = self.fuse(batch)
        if kept is not None:
            condition = replace(condition, z=condition.z * kept)
        image, context_image = self.paint(condition)
        word_states, copying = self.tell(condition, teacher_tokens)
        return Prediction(condition.z, image, context_image, word_states, copying, condition.saturation)

    @torch.no_grad()
    def read(self, tokens: torch.Tensor) -> torch.Tensor:
        """Tokens (…, T) -> text latents (…, D) of the frozen encoder: the same in every epoch."""
        hidden, _ = self.text.encoder(tokens.flatten(0, -2))
        return hidden.unflatten(0, tokens.shape[:-1])

    @torch.no_grad()
    def look(self, frames: torch.Tensor) -> torch.Tensor:
        """Frames (N, 3, 60, 125) -> image latents (N, L): the same in every epoch where the encoder is frozen."""
        return self.visual.encoder(frames)

    def fuse(self, batch: Inputs) -> Condition:
        """The four frames with their descriptions as one vector, beside them themselves."""
        steps = torch.cat([self._image_latents(batch), self._text_latents(batch)], dim=-1)  # (B, K, L + D)
        saturation = None if self.training else self.fusion.saturation(steps)
        return Condition(self.fusion(steps), batch.frames, batch.tokens, saturation)

    def _image_latents(self, batch: Inputs) -> torch.Tensor:
        if batch.image_latents is not None:
            return batch.image_latents  # (B, K, L)
        latents = self.visual.encoder(batch.frames.flatten(0, 1))  # (B * K, L)
        return latents.unflatten(0, batch.frames.shape[:2])

    def _text_latents(self, batch: Inputs) -> torch.Tensor:
        if self.text_encoder == "words":
            return self._mean_word(batch.tokens)
        return self.read(batch.tokens) if batch.text_latents is None else batch.text_latents  # (B, K, D)

    def _mean_word(self, tokens: torch.Tensor) -> torch.Tensor:
        """(B, K, T) -> (B, K, D): the mean of the embeddings, padding left out."""
        real = (tokens != self.pad).unsqueeze(-1)  # (B, K, T, 1)
        return (self.text.decoder.embedding(tokens) * real).sum(dim=2) / real.sum(dim=2)

    def paint(self, condition: Condition) -> tuple[torch.Tensor, torch.Tensor | None]:
        """The image and the context image, (B, 3, 60, 125) each.

        With shared heads both are one tensor: the original decodes the same input twice.
        """
        latent = self.to_image(condition.z)
        if self.pixel_copy is None:
            image = painted = self.visual.decoder(latent)
        else:
            logits = self.visual.decoder.logits(latent)
            image, painted = self.pixel_copy(condition.frames, condition.z, logits), logits.sigmoid()
        if self.image_heads == "shared":
            return image, painted
        if self.image_heads == "single":
            return image, None
        return image, self.context_decoder(self.to_context(condition.z))

    def tell(self, condition: Condition, teacher_tokens: torch.Tensor) -> tuple[torch.Tensor, Copying | None]:
        """Word states (B, T - 1, D) for teacher tokens (B, T - 1), and what is copied."""
        state = self.text_state(condition.z)
        states = self.text.decoder(teacher_tokens, state, condition=state[0])
        if not self._recalling:
            return states, None
        before = torch.cat([torch.zeros_like(states[:, :1]), states[:, :-1]], dim=1)
        return self._recall(states, condition.z, self._read(condition), self._said(before, teacher_tokens))

    @property
    def _recalling(self) -> list[nn.Module]:
        """The parts that look back at words."""
        return [part for part in (self.word_attention, self.word_copy) if part is not None]

    def _read(self, condition: Condition) -> list[Memory]:
        """The four descriptions, as each of these parts remembers them."""
        features = self.word_reader(self.text.decoder.embedding(condition.tokens))  # (B, K, T, R)
        return [part.remember(features, condition.tokens, self.pad) for part in self._recalling]

    def _said(self, before: torch.Tensor, tokens: torch.Tensor) -> list[Memory]:
        """Words said (B, T), from the states (B, T, D) before each, as each part remembers them."""
        embedded = self.text.decoder.embedding(tokens)  # (B, T, D)
        return [part.own(before, embedded, tokens) for part in self._recalling]

    def _recall(
        self, states: torch.Tensor, z: torch.Tensor, read: list[Memory], said: list[Memory]
    ) -> tuple[torch.Tensor, Copying | None]:
        """States (B, T, D) with what they find among the words, and what is copied."""
        informed, copying = states, None
        if self.word_attention is not None:
            informed = self.word_attention(states, z, read[0], said[0])
        if self.word_copy is not None:
            informed, copying = self.word_copy(states, informed, z, read[-1], said[-1])
        return informed, copying

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

    @torch.no_grad()
    def answer(self, batch: Inputs, vocabulary: Vocabulary) -> tuple[torch.Tensor, list[list[int]]]:
        """The frames (B, 3, 60, 125) and the descriptions, as token ids, that it makes by itself."""
        self.eval()
        condition = self.fuse(batch)
        image, _ = self.paint(condition)
        return image, self.generate(condition, vocabulary.start, vocabulary.end, MAX_TOKENS)

    @torch.no_grad()
    def generate(self, condition: Condition, start: int, end: int, length: int) -> list[list[int]]:
        """The likeliest next word again and again: each story's token ids, without start and end."""
        state = self.text_state(condition.z)
        if not self._recalling:
            return self.text.decoder.generate(state, state[0], start, end, length)
        return self._generate_recalling(condition, state, start, end, length)

    def _generate_recalling(self, condition: Condition, state: State, start: int, end: int, length: int):
        first, read = state[0], self._read(condition)
        token = torch.full((len(first), 1), start, device=first.device)
        before, said, columns = torch.zeros_like(first)[:, None], None, []
        for _ in range(length):
            latest = self._said(before, token)
            said = latest if said is None else [p.with_words(n) for p, n in zip(said, latest, strict=True)]
            before, state = self.text.decoder.step(token, state, first)
            states, copying = self._recall(before, condition.z, read, said)
            logits = self.output(states)
            chances = logits if copying is None else copying.probabilities(logits)
            token = chances[:, -1].argmax(dim=-1, keepdim=True)  # (B, 1)
            columns.append(token)
        return cut_at(torch.cat(columns, dim=1).tolist(), end)


def _width_adapter(fused: int, latent: int) -> nn.Module:
    """z to the image latent: nothing where the widths agree, as in the basecase."""
    return nn.Identity() if fused == latent else initialise_kaiming(nn.Linear(fused, latent))


def read_width(config: Config) -> int:
    """Numbers that a description is read as."""
    return sentence_width(config.sentence_model) if config.text_encoder == "minilm" else config.text_dim


def build_text_autoencoder(config: Config, vocabulary: int) -> TextAutoencoder:
    """Freshly initialised with torch's own defaults."""
    with initialising(config.seed, "text autoencoder"):
        conditioned, tied = config.text_conditioning == "every_step", config.word_weights == "tied"
        return TextAutoencoder(vocabulary, config.text_dim, conditioned, tied)


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
