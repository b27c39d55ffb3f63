"""What a training run leaves behind per epoch beside metrics and checkpoints: the loss summary and two pictures."""

from ablation.analyse.tables import loss_summary, loss_summary_csv
from ablation.commands.stories import Stories
from ablation.commands.training import Work
from ablation.track.mlflow_run import MlflowRun
from ablation.train.examples import first_predictions, page_of
from ablation.train.loop import LoopState
from ablation.train.story_task import StoryTask


class EpochRecords:
    """Of one training and one validation window: a picture per epoch under `predictions/`; and target and prediction
    once more under the step slider of the UI, where step 0 is what the model makes before any training.
    """

    def __init__(self, task: StoryTask, stories: Stories, tracked: MlflowRun):
        self.task, self.tokenizer, self.tracked = task, stories.tokenizer, tracked
        self.parts = {"train": stories.train, "val": stories.validation}
        self.pages = {split: page_of(windows) for split, windows in self.parts.items()}

    def before_training(self) -> None:
        """Nothing where networks are compiled: a batch of another size first could give other kernels."""
        if not self.task.config.compile:
            self._drawn(0)()

    def after(self, state: LoopState) -> Work:
        """Predicts; what this returns writes it all down."""
        draw, history = self._drawn(state.epoch), list(state.history)

        def log() -> None:
            self._log_losses(history)
            draw()

        return log

    def once_more(self, state: LoopState) -> None:
        """Of an epoch whose checkpoint came to be kept and whose records perhaps not; pictures only where they were
        drawn `before_training`.
        """
        self._log_losses(state.history)
        if not self.task.config.compile:
            self._drawn(state.epoch)()

    def _log_losses(self, epochs: list[dict[str, float]]) -> None:
        history = {n: {e: m[n] for e, m in enumerate(epochs, start=1)} for n in epochs[0]}
        table = loss_summary_csv(loss_summary(history))
        self.tracked.log_text(table, f"loss_summary_{self.task.config.model_name.lower()}.csv")

    def _drawn(self, epoch: int) -> Work:
        predictions = first_predictions(self.task, list(self.parts.values()), self.tokenizer)

        def draw() -> None:
            for (split, page), (frame, text) in zip(self.pages.items(), predictions, strict=True):
                title = f"{self.task.config.run_name}, epoch {epoch}, {split}"
                picture = page.predicted(title, frame, text)
                if epoch:
                    self.tracked.log_picture(picture, f"predictions/epoch-{epoch:02d}-{split}.png")
                self.tracked.log_step_picture(*page.close_ups(picture), f"predictions/{split}", epoch)

        return draw
