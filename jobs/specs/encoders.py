"""The small encoders: the tagger that finds identifiers, and the detector of invented sentences."""

from dataclasses import dataclass

from jobs.specs.base import Spec, require


@dataclass(frozen=True, kw_only=True)
class TaggerSpec(Spec):
    """Train the tagger that finds identifiers, or distil a smaller one from it."""

    examples: str
    """JSONL of {text, spans: [{start, end, label}], held_out}, composed by the project; never a clinic's text."""
    examples_sha256: str
    teacher: str = ""
    """The artifact/hf folder of a tagger to learn from; the student has half its layers. Empty: fine-tune the base."""
    epochs: float = 1.0
    learning_rate: float = 5e-4
    tokens_per_batch: int = 4096
    """Padded tokens in one optimizer step."""
    seed: int = 7

    def __post_init__(self) -> None:
        super().__post_init__()
        require(len(self.examples_sha256) == 64, "Give examples_sha256 as the file's 64 hex digits.")
        require(self.epochs > 0, "Train for more than 0 epochs.")
        require(0 < self.learning_rate <= 0.01, "Choose a learning_rate up to 0.01; 5e-4 suits this encoder.")
        require(self.tokens_per_batch >= 256, "Raise tokens_per_batch to 256 or more.")


@dataclass(frozen=True, kw_only=True)
class GrounderSpec(Spec):
    """Train the detector of sentences that a record does not bear out, or distil a smaller one from it."""

    examples: str
    """JSONL of grounding.training's rows, composed by the project; never of a gold set."""
    examples_sha256: str
    teacher: str = ""
    """The artifact/hf folder of a detector to learn from; the student has half its layers. Empty: fine-tune the base."""
    epochs: float = 1.0
    max_seconds: float = 1800.0
    """The learning rate falls to its end by then at the latest, however slow the machine."""
    learning_rate: float = 6e-5
    tokens_per_batch: int = 2048
    """Padded tokens in one optimizer step."""
    seed: int = 7

    def __post_init__(self) -> None:
        super().__post_init__()
        require(len(self.examples_sha256) == 64, "Give examples_sha256 as the file's 64 hex digits.")
        require(self.epochs > 0 and self.max_seconds > 0, "Train for more than 0 epochs and 0 seconds.")
        require(0 < self.learning_rate <= 0.01, "Choose a learning_rate up to 0.01; 6e-5 suits this task.")
        require(self.tokens_per_batch >= 256, "Raise tokens_per_batch to 256 or more.")


@dataclass(frozen=True, kw_only=True)
class ExportTaggerSpec(Spec):
    """Make the ONNX form of a Hugging Face token classifier, so that the web process can run it without torch."""
