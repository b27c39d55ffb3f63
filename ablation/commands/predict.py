"""`predict`: what follows four frames and their descriptions, in the eyes of a trained model."""

from os.path import expanduser
from pathlib import Path

import numpy as np
from PIL import Image

from ablation.commands.opening import open_model
from ablation.config.config import Config
from ablation.config.entries import PredictOptions
from ablation.console import Console
from ablation.data.frames import prepare_frame
from ablation.places import writable_folder
from ablation.predict.predictor import Answer
from ablation.predict.story import Story, read_stories
from ablation.predict.story_folder import NAMES, read_story_folders
from ablation.track.store import label_bystander
from ablation.train.pictures import PredictionPage
from ablation.world.example import example_story

FRAME, TEXT, STRIP = "5.png", "5.txt", "strip.png"
MEANING = {
    FRAME: "the fifth frame, 125×60 pixels",
    TEXT: "its description",
    STRIP: "all of it in one picture",
}


def run(options: PredictOptions, console: Console) -> int:
    """The command `predict`."""
    label_bystander("predict", "predict")
    given = Path(expanduser(options.input)) if options.input else None
    stories = read_story_folders(given, Path(expanduser(options.out))) if given else {"example": None}
    out = writable_folder(options.out)
    if not given:
        stories = _write_example(out)
    predictor, told = open_model(options.model)
    for number, (name, story) in enumerate(stories.items(), start=1):
        answer = predictor.answer(story)
        place = out / name if len(stories) > 1 else out
        _write(place, name, story, answer, predictor.config)
        if answer.note:
            console.say(f"{name}: {answer.note}")
        console.progress("predicting", number, len(stories))
    console.close()
    console.say(_made(out, stories, told, options.input is None))
    return 0


def _write(place: Path, name: str, story: Story, answer: Answer, config: Config) -> None:
    place.mkdir(parents=True, exist_ok=True)
    answer.frame.save(place / FRAME)
    (place / TEXT).write_text(answer.description + "\n", encoding="utf-8")
    strip_of(name, story, answer, config).save(place / STRIP)


def strip_of(name: str, story: Story, answer: Answer, config: Config) -> Image.Image:
    """The four frames as the model saw them, their texts, and its answer."""
    seen = np.stack([prepare_frame(image, config.equalize) for image in story.images])
    page = PredictionPage(name, seen / np.float32(255), story.texts, text_target=None, per_row=len(seen) + 1)
    painted = np.asarray(answer.frame).transpose(2, 0, 1) / np.float32(255)
    return page.predicted(config.run_name, painted, answer.description)


def _write_example(out: Path) -> dict[str, Story]:
    """The example's frames and texts, beside which the answer will lie."""
    frames, texts = example_story()
    for number, (frame, text) in enumerate(zip(frames, texts, strict=True), start=1):
        (out / f"{number}.jpg").write_bytes(frame)
        (out / f"{number}.txt").write_text(text + "\n", encoding="utf-8")
    (story,) = read_stories({"example": (frames, texts)})
    return {"example": story}


def _made(out: Path, stories: dict[str, Story], told: str, is_example: bool) -> str:
    if len(stories) == 1:
        rows = [f"  {out / name}  {meaning}" for name, meaning in MEANING.items()]
    else:
        rows = [f"  {out}/STORY/{{{FRAME},{TEXT},{STRIP}}}, {len(stories)} stories"]
    own = f"\nyour own story:  --input FOLDER  with {NAMES}" if is_example else ""
    return f"asked {told}\n\n" + "\n".join(rows) + f"\n{own}\nin the browser:  python -m ablation try"
