"""What a person may choose for a training run. Everything else is decided by measurement."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Self

from jobs.specs import ADAPTER, EXPORTED_TYPES, METHODS, QUANTIZED_TYPES

TEACH = {
    "missing": "Records without a summary",
    "all": "All records, also those with a summary",
}


@dataclass(frozen=True, kw_only=True)
class RunOptions:
    """Raises ``ValueError`` with advice for a choice that cannot work."""

    epochs: float = 2.0
    """Passes over the training records."""
    learning_rate: float = 5e-4
    lora_rank: int = 16
    method: str = "lora"
    """One of METHODS."""
    max_train_rows: int = 0
    """Train on so many records at most; 0 for all."""
    evaluate_rows: int = 24
    """Score on so many held-out records at most; 0 for all."""
    types: tuple[str, ...] = ("Q8_0", "Q4_K")
    """Files to make, of EXPORTED_TYPES; the first one is the run's own artifact."""
    max_tokens: int = 2048
    """So much of a record and its summary is read at once; a longer record is taken in pieces."""
    set_aside: bool = False
    """Leave records with a fault out of the run and name them, rather than refuse it."""
    seed: int = 7
    dp_epsilon: float = 0.0
    """Bound what one training row can change, by noise in training (differential privacy); 8 is usual, 0 for none."""
    most_invented: float = 10.0
    """Of 100 sentences in its summaries, so many more than in the clinicians' own may lack the record's support; a model that
    surely has more is not deployed."""
    teacher: str = ""
    """Who writes summaries for training records (see ``services.teachers``); empty for nobody."""
    teach: str = "missing"
    """One of TEACH: the records that the teacher summarizes."""
    teacher_drafts: int = 1
    """The teacher writes so many summaries of each, and one is chosen."""
    canaries: bool = False
    """Plant made-up codes among the training rows, and try to draw them out of the model. Such a model is for the test."""

    def __post_init__(self) -> None:
        if not 0 < self.epochs <= 50:
            raise ValueError("Choose between 0 and 50 epochs; 2 is a good start.")
        if not 0 < self.learning_rate <= 0.01:
            raise ValueError("Choose a learning rate up to 0.01; 0.0005 suits LoRA.")
        if not 1 <= self.lora_rank <= 256:
            raise ValueError("Choose a LoRA rank from 1 to 256; 16 is a good start.")
        if self.method not in METHODS:
            raise ValueError(f"Choose a method among {', '.join(METHODS)}.")
        if not 0 <= self.dp_epsilon <= 100:
            raise ValueError("Choose a privacy budget (epsilon) up to 100; 8 is usual, 0 means none.")
        if not 512 <= self.max_tokens <= 32768:
            raise ValueError("Choose to read 512 to 32768 tokens at once; 2048 hold some 1500 words.")
        if not 0 <= self.most_invented <= 100:
            raise ValueError(
                "Choose how many sentences of 100 may be invented beyond the clinicians': 0 to 100."
            )
        if self.max_train_rows < 0 or self.evaluate_rows < 0:
            raise ValueError("A number of records cannot be negative; 0 means all.")
        if not self.types or set(self.types) - set(EXPORTED_TYPES):
            raise ValueError(f"Choose among {', '.join(EXPORTED_TYPES)}.")
        if self.teach not in TEACH:
            raise ValueError(f"Choose what a teacher summarizes among {', '.join(TEACH)}.")
        if not 1 <= self.teacher_drafts <= 32:
            raise ValueError(
                "Let the teacher write 1 to 32 summaries of each record; more take as much longer."
            )
        if self.teacher and self.dp_epsilon:
            raise ValueError(
                "Differential privacy bounds what one row changes, and a taught row tells of a record twice, or of what "
                "its teacher learned. Choose one of the two."
            )
        if ADAPTER in self.types and self.method == "dora":
            raise ValueError(
                "DoRA cannot be served upon a shared base. Choose LoRA or rsLoRA, or make whole files only."
            )

    def of_training(self) -> dict[str, Any]:
        """The fields of a ``TrainSpec`` that these options decide."""
        return {
            "epochs": self.epochs,
            "learning_rate": self.learning_rate,
            "lora_rank": self.lora_rank,
            "lora_alpha": 2 * self.lora_rank,
            "method": self.method,
            "seed": self.seed,
        }

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "types": list(self.types)}

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Self:
        known = {field.name: stored[field.name] for field in fields(cls) if field.name in stored}
        return cls(**{**known, "types": tuple(stored.get("types", cls.types))})


def files_to_make(whole: Iterable[str] = RunOptions.types, *, as_adapter: bool) -> tuple[str, ...]:
    """Types of files. An adapter on the shared base comes first: it is the run's own artifact then."""
    return (*[ADAPTER] * as_adapter, *whole)


@dataclass(frozen=True)
class Cut:
    """What is left out of a model: shares of it that are kept, and whether words that the records never use go too."""

    label: str
    share: float
    """So much of the parameters stays, roughly: it depends on how large the vocabulary is."""
    layers: float = 1.0
    mlp_channels: float = 1.0
    trims: bool = True


CUTS = {
    "none": Cut("Nothing: only store the numbers more briefly", 1.0, trims=False),
    "light": Cut("An eighth of its layers, and words that the records never use", 0.75, layers=0.87),
    "deep": Cut(
        "A fifth of its layers, a sixth of each, and those words", 0.62, layers=0.8, mlp_channels=5 / 6
    ),
}


@dataclass(frozen=True, kw_only=True)
class SmallerOptions:
    """What a person may choose when a trained model is made smaller. Raises ``ValueError`` with advice."""

    cut: str = "none"
    """One of CUTS. What is left out is healed by learning from the whole model."""
    heal_epochs: float = 1.0
    """Passes over the training records in which the rest learns from the whole."""
    types: tuple[str, ...] = ("Q6_K", "Q5_K", "Q4_K")
    mixed_like: str = "Q4_K"
    """Beside these, a file as small as one of this type, whose types are chosen by measured loss; empty for none."""
    most_lost: float = 2.0
    """ROUGE-1 points: a file that loses more is not deployed."""

    def __post_init__(self) -> None:
        if self.cut not in CUTS:
            raise ValueError(f"Choose what to leave out among {', '.join(CUTS)}.")
        if not 0 < self.heal_epochs <= 10:
            raise ValueError("Choose between 0 and 10 passes to heal in; 1 is a good start.")
        if not self.types or set(self.types) - set(QUANTIZED_TYPES):
            raise ValueError(f"Choose among {', '.join(QUANTIZED_TYPES)}.")
        if self.mixed_like not in ("", *QUANTIZED_TYPES[1:]):
            raise ValueError(f"Choose the mixed file's size among {', '.join(QUANTIZED_TYPES[1:])}.")
        if not 0 <= self.most_lost <= 100:
            raise ValueError("Choose how many ROUGE-1 points may be lost: 0 to 100; 2 is a good start.")

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "types": list(self.types)}

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Self:
        return cls(**{**stored, "types": tuple(stored["types"])})


@dataclass(frozen=True, kw_only=True)
class Setting:
    """One attempt of a sweep: factors on the choices that the sweep was started with."""

    label: str
    epochs: float = 1.0
    learning_rate: float = 1.0
    lora_rank: float = 1.0

    def applied_to(self, options: RunOptions) -> RunOptions:
        """One compressed file for each attempt: six runs of two would fill a small disk."""
        return replace(
            options,
            epochs=min(50.0, options.epochs * self.epochs),
            learning_rate=min(0.01, options.learning_rate * self.learning_rate),
            lora_rank=min(256, max(1, round(options.lora_rank * self.lora_rank))),
            types=options.types[:1],
        )


SWEEP = (
    Setting(label="As chosen"),
    Setting(label="More passes", epochs=1.5),
    Setting(label="Smaller steps, more passes", epochs=1.5, learning_rate=0.4),
    Setting(label="Larger steps", learning_rate=2.0),
    Setting(label="Larger adapter", lora_rank=2.0),
    Setting(label="Smaller adapter, larger steps", lora_rank=0.5, learning_rate=2.0),
)
"""What "try 6 settings overnight" tries: around the defaults, each away from them in a direction of its own."""
