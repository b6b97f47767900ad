"""What a run's memory test found, and whether its models may answer for a clinic.

The test is one of the run's stages, so its figures are those of the stage; they hold counts and measures, no text. All
files of a run share one verdict: they are made of the same adapter.
"""

from dataclasses import dataclass
from typing import Any

from training.models import MEMORY_TEST, Status, TrainingRun


@dataclass(frozen=True)
class Memory:
    """What is known of what a run's models remember."""

    planted: bool
    """Codes stand among the rows it learned from."""
    found: dict[str, Any] | None
    """What the test measured (see ``jobs.stages.extract``); None until it has finished."""

    @property
    def remembers(self) -> bool:
        return self.found is not None and bool(self.found["remembers"])

    @property
    def refusal(self) -> str:
        """Why the run's models may not be deployed; empty where they may. A model that was not tested may."""
        if self.remembers:
            return (
                "Its memory test found that it gives away what it learned from; the model's page says how much. Train "
                "again with fewer passes over the records."
            )
        if self.planted and self.found is None:
            return (
                "Made-up codes were planted among the records it learned from, and its memory test has not finished. "
                "Let the run finish first."
            )
        return ""


def memory_of(run: TrainingRun) -> Memory:
    """A smaller model is judged by the training that it comes from."""
    tests = run.trained_in.stages.filter(name=MEMORY_TEST)
    finished = tests.filter(status=Status.SUCCEEDED).first()
    return Memory(planted=tests.exists(), found=finished.metrics if finished else None)
