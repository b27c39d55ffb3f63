"""Copying words and pixels: probabilities that add up, copies of what is there and of nothing that is not."""

import pytest
import torch
from torch import nn
from torch.nn import functional

from ablation.models.fused_loss import fused_token_nats
from ablation.models.pixel_copy import PixelCopy, blurred, drawn_smooth
from ablation.models.word_attention import WordAttention
from ablation.models.word_copy import Copying, WordCopy, said_before, told_in
from tests.test_models import inputs, storyteller

CURED = {
    "text_attention": "words",
    "text_copy": "words",
    "word_weights": "tied",
    "text_encoder": "words",
    "text_conditioning": "every_step",
    "text_decoder": "trained",
    "image_copy": "pixels",
    "latent_norm": "layernorm",
    "image_heads": "single",
}


def test_the_probabilities_of_all_words_add_up_and_are_those_of_the_loss():
    torch.manual_seed(0)
    attention = torch.rand(2, 3, 5).softmax(dim=-1)
    copying = Copying(torch.randn(2, 3), attention, torch.randint(0, 7, (2, 5)))
    logits, targets = torch.randn(2, 3, 7), torch.randint(0, 7, (2, 3))
    chances = copying.probabilities(logits)
    assert torch.allclose(chances.sum(dim=-1), torch.ones(2, 3))
    generated = functional.cross_entropy(logits.transpose(1, 2), targets, reduction="none")
    told = chances.gather(-1, targets[..., None])[..., 0]
    assert torch.allclose(copying.nats(targets, generated), -told.log(), atol=1e-5)


def test_a_copied_word_by_hand():
    """Copied with certainty, from a memory half of which is the word 4."""
    copying = Copying(
        torch.full((1, 1), 50.0), torch.tensor([[[0.5, 0.25, 0.25]]]), torch.tensor([[4, 2, 3]])
    )
    nats = copying.nats(torch.tensor([[4]]), torch.tensor([[9.0]]))
    assert nats.item() == pytest.approx(torch.tensor(2.0).log().item(), abs=1e-6)


def test_a_later_word_and_padding_are_never_seen():
    torch.manual_seed(0)
    copier = WordCopy(8, 4, features=12, frames=2, vocabulary=9)
    read = torch.tensor([[[5, 6, 0], [7, 0, 0]]])
    memory = copier.remember(torch.randn(1, 2, 3, 12), read, pad=0)
    own = copier.own(torch.randn(1, 4, 8), torch.randn(1, 4, 8), torch.tensor([[1, 2, 3, 4]]))
    states = torch.randn(1, 4, 8)
    _, copying = copier(states, states, torch.randn(1, 4), memory, own)
    assert torch.allclose(copying.attention.sum(dim=-1), torch.ones(1, 4))
    later = torch.ones(4, 4).triu(1).bool()
    assert (copying.attention[0, :, 6:][later] == 0).all()
    assert (copying.attention[0][:, [2, 4, 5]] == 0).all()


def test_a_word_is_marked_in_each_description_that_tells_it():
    words = torch.tensor([[[5, 6, 0], [6, 0, 0]]])
    assert told_in(words, 9)[0].tolist() == [[1, 0], [1, 1], [1, 1], [1, 1], [1, 1], [1, 1]]


def test_a_word_that_was_read_is_marked_from_where_it_was_said_first():
    read, said = torch.tensor([[4, 7, 5, 4]]), torch.tensor([[1, 5, 4, 5]])
    marked = said_before(read, said, 4, 9)[0]
    assert marked.tolist() == [[0, 0, 0, 0], [0, 0, 1, 0], [1, 0, 1, 1], [1, 0, 1, 1]]
    assert torch.equal(said_before(read, said, 1, 9)[0], marked[3:])


def test_attention_finds_nothing_in_later_words_and_padding():
    torch.manual_seed(0)
    attention, z = WordAttention(8, 4, features=12, frames=2), torch.randn(1, 4)
    read, said = torch.tensor([[[5, 6, 0], [7, 0, 0]]]), torch.tensor([[1, 2, 3, 4]])
    states, features, spoken = torch.randn(1, 4, 8), torch.zeros(1, 2, 3, 12), torch.randn(1, 4, 8)

    def found(features, spoken):
        return attention(
            states, z, attention.remember(features, read, 0), attention.own(states, spoken, said)
        )

    before = found(features, spoken)
    assert not torch.allclose(found(features.index_fill(2, torch.tensor([0]), 1.0), spoken), before)
    assert torch.equal(found(features.index_fill(2, torch.tensor([2]), 1.0), spoken), before)
    last = found(features, spoken.index_fill(1, torch.tensor([3]), 9.0))
    assert torch.equal(last[:, :3], before[:, :3]) and not torch.allclose(last[:, 3], before[:, 3])


@pytest.mark.parametrize("parts", [{}, {"text_copy": "none"}, {"text_attention": "none"}])
def test_writing_word_by_word_agrees_with_teacher_forcing(parts):
    torch.manual_seed(3)
    model = storyteller(**CURED | parts)
    nn.init.normal_(model.text.decoder.embedding.weight, std=2.0)
    batch, _ = inputs()
    condition = model.fuse(batch)
    rows = model.generate(condition, start=1, end=99, length=9)
    fed = torch.tensor([[1, *row[:-1]] for row in rows])
    states, copying = model.tell(condition, fed)
    logits = model.output(states)
    chances = copying.probabilities(logits) if copying else logits
    assert chances.argmax(dim=-1).tolist() == rows


def test_the_nats_of_single_tokens_have_the_gradients_of_torch():
    torch.manual_seed(0)
    output, states = nn.Linear(8, 300), torch.randn(3, 7, 8, requires_grad=True)
    tokens, worth = torch.randint(1, 300, (3, 7)), torch.rand(3, 7)
    tokens[0, 4:] = 0
    plainly = functional.cross_entropy(output(states).transpose(1, 2), tokens, reduction="none") * (
        tokens != 0
    )
    ours = fused_token_nats(states, output, tokens, pad=0)
    assert torch.allclose(ours, plainly, atol=1e-5)
    moved = (states, output.weight, output.bias)
    expected = torch.autograd.grad((plainly * worth).sum(), moved)
    for mine, theirs in zip(torch.autograd.grad((ours * worth).sum(), moved), expected, strict=True):
        assert torch.allclose(mine, theirs, atol=1e-5)


def test_a_gate_can_copy_a_frame_exactly():
    gate = PixelCopy(4, 8)
    frames = torch.rand(2, 4, 3, 60, 125)
    nn.init.zeros_(gate.gate.weight)
    with torch.no_grad():
        gate.gate.bias.copy_(torch.full_like(gate.gate.bias, -40.0))
        gate.gate.bias[2] = 40.0
    copied = gate(frames, torch.randn(2, 8), torch.randn(2, 3, 60, 125))
    assert torch.allclose(copied, frames[:, 2], atol=1e-6)


def test_blurring_keeps_the_brightness():
    frames = torch.rand(1, 4, 3, 60, 125)
    assert torch.allclose(blurred(torch.full_like(frames, 0.3), 8), torch.full_like(frames, 0.3))
    assert blurred(frames, 8).mean().item() == pytest.approx(frames.mean().item(), abs=0.01)
    assert blurred(frames, 8).std() < 0.3 * frames.std()


def test_drawing_smooth_and_blurring_are_those_of_torch():
    gates = torch.randn(2, 12, 16, 32)
    smooth = functional.interpolate(gates, scale_factor=4, mode="bilinear")[:, :, :60, :125]
    assert torch.allclose(drawn_smooth(gates, 4), smooth, atol=1e-6)
    frames = torch.rand(2, 4, 3, 60, 125)
    small = functional.avg_pool2d(functional.pad(frames.flatten(1, 2), (0, 3, 0, 4), mode="replicate"), 8)
    smooth = functional.interpolate(small, scale_factor=8, mode="bilinear")[:, :, :60, :125]
    assert torch.allclose(blurred(frames, 8), smooth.unflatten(1, (4, 3)), atol=1e-6)


def test_another_storys_words_and_frames_change_what_is_said_and_shown():
    model = storyteller(**CURED)
    batch, teacher = inputs()
    own = model.fuse(batch)
    other = type(own)(own.z, own.frames.roll(1, 0), own.tokens.roll(1, 0))
    assert not torch.equal(model.paint(own)[0], model.paint(other)[0])
    assert not torch.equal(model.tell(own, teacher)[0], model.tell(other, teacher)[0])
