"""The plain epoch: per step, everything that the original did, written anew.

Each story is decoded three times (input frames, context, target), its text parsed as HTML for every
frame, tokenised on the spot; the image decoder runs twice on the same latent, and all logits of all
positions, padding included, are held at once.
"""

import io
from html.parser import HTMLParser

import torch
from PIL import Image
from torch.nn import functional
from torchvision.transforms import functional as pictures

from ablation.data.batches import Batch
from ablation.data.tokens import MAX_TOKENS
from ablation.models.storyteller import Storyteller

DECODES = 3


class BlockReader(HTMLParser):
    """The text of one `<gdi imageN>` block."""

    def __init__(self, number: int):
        super().__init__()
        self.name, self.inside, self.words = f"image{number}", False, []

    def handle_starttag(self, tag, attrs):
        if tag == "gdi":
            self.inside = any(name == self.name for name, _ in attrs)

    def handle_data(self, data):
        if self.inside:
            self.words.append(data)


def description(story: str, number: int) -> str:
    """Parses the whole story for one frame's text."""
    reader = BlockReader(number)
    reader.feed(story)
    return "".join(reader.words).strip()


def frame(encoded: bytes) -> torch.Tensor:
    """(3, 60, 125) in [0, 1]."""
    image = pictures.equalize(Image.open(io.BytesIO(encoded)).convert("RGB"))
    return pictures.to_tensor(pictures.resize(image, [60, 125]))


def load_batch(rows: list[dict], tokenizer) -> Batch:
    """A batch from the rows of the data set, as every step of the original made it."""
    frames, tokens = [], []
    for row in rows:
        for _ in range(DECODES):
            decoded = [frame(image["bytes"]) for image in row["images"][:5]]
        texts = [description(row["story"], number) for number in range(1, 6)]
        encoded = tokenizer(texts, max_length=MAX_TOKENS, truncation=True, padding="max_length")
        frames.append(torch.stack(decoded))
        tokens.append(torch.tensor(encoded["input_ids"]))
    frames, tokens = torch.stack(frames), torch.stack(tokens)
    count = int((tokens[:, 3, 1:] != tokenizer.pad_token_id).sum())
    return Batch(frames[:, :4], tokens[:, :4], None, None, frames[:, 4], tokens[:, 3], count)


def total_loss(model: Storyteller, batch: Batch, pad: int) -> torch.Tensor:
    """L1 + CE + 0.2 · MSE, the long way."""
    condition = model.fuse(batch)
    image = model.visual.decoder(model.to_image(condition.z))
    context = model.visual.decoder(model.to_image(condition.z))
    states, _ = model.tell(condition, batch.target_tokens[:, :-1])
    logits = model.output(states)  # (B, T - 1, V)
    text = functional.cross_entropy(
        logits.reshape(-1, logits.shape[-1]), batch.target_tokens[:, 1:].reshape(-1), ignore_index=pad
    )
    mean = batch.frames.mean(dim=(0, 1)).expand_as(context)
    return functional.l1_loss(image, batch.target_frame) + text + 0.2 * functional.mse_loss(context, mean)


def train_epoch(
    model: Storyteller, optimizer, rows: list[dict], tokenizer, pad: int, batch_size: int
) -> None:
    """One pass over the rows in their order."""
    model.train()
    for start in range(0, len(rows), batch_size):
        loss = total_loss(model, load_batch(rows[start : start + batch_size], tokenizer), pad)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        loss.item()
