"""What pages read from a run's folders while it runs: the loss curve."""

from collections.abc import Iterable, Iterator

from jobs.progress import Progress, read_new
from jobs.rundir import RunDir
from training.models import TrainingRun
from training.services.folders import stage_folder


def loss_curve(run: TrainingRun, offset: int = 0) -> tuple[list[dict[str, float]], int]:
    """Points {step, loss[, valid_loss]} written since ``offset`` bytes, and the offset to ask from next time.

    Empty for a run that learns nothing, but stores a model more briefly. After a resume the steps go back to the checkpoint: a later point replaces all from its step on.
    """
    learning = run.stages.filter(name__in=("train", "distill")).first()
    if learning is None:
        return [], offset
    lines, offset = read_new(RunDir(stage_folder(learning)).progress, offset)
    return list(_points(lines)), offset


def _points(lines: Iterable[Progress]) -> Iterator[dict[str, float]]:
    for line in lines:
        if {"step", "loss"} <= line.metrics.keys():
            wanted = ("step", "loss", "valid_loss")
            yield {name: line.metrics[name] for name in wanted if name in line.metrics}
