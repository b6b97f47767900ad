"""What a stage is told: one frozen dataclass per stage, the whole contract, with a JSON round trip.

A wrong spec raises ``ValueError`` in a second rather than an hour into the run. Paths are absolute.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Self

QUANTIZED_TYPES = ("Q8_0", "Q6_K", "Q5_K", "Q5_0", "Q4_K", "Q4_0")
"""From the largest and closest to the trained model to the smallest."""

MIXED = "MIXED"
"""Each tensor of the file in the type that the importance stage chose for it."""

METHODS = ("lora", "rslora", "dora", "qlora")
"""How adapters are made: plain (arXiv:2106.09685); with a scale fit for high ranks (arXiv:2312.03732); with directions
apart from sizes (arXiv:2402.09353); on a base held in 4 bits, for a machine or card short of memory (arXiv:2305.14314)."""
DIVERGENCES = ("forward_kl", "reverse_kl", "jsd")


def _require(holds: bool, advice: str) -> None:
    if not holds:
        raise ValueError(advice)


@dataclass(frozen=True, kw_only=True)
class Spec:
    """Shared by all stages: how a spec travels as JSON."""

    base: str
    """The base model's name in the catalogue; its weights have been fetched."""
    models_dir: str
    """Where fetched base models stand."""

    def __post_init__(self) -> None:
        _require(bool(self.base), "Name a base model, for example smollm2-135m.")
        _require(self.models_dir.startswith("/"), "Give models_dir as an absolute path.")

    def to_json(self) -> dict[str, Any]:
        return {name: list(v) if isinstance(v, tuple) else v for name, v in asdict(self).items()}

    @classmethod
    def from_json(cls, obj: Mapping[str, Any]) -> Self:
        """The spec again; raises ValueError for a field that is missing or unknown."""
        unknown = set(obj) - {field.name for field in fields(cls)}
        _require(not unknown, f"Remove the unknown fields {sorted(unknown)} from the {cls.__name__}.")
        values: dict[str, Any] = {name: tuple(v) if isinstance(v, list) else v for name, v in obj.items()}
        try:
            return cls(**values)
        except TypeError as error:
            raise ValueError(f"The {cls.__name__} lacks a field: {error}") from error


@dataclass(frozen=True, kw_only=True)
class PrepareSpec(Spec):
    """Check rows and turn them into tokens."""

    rows: str
    """JSONL of {id, split, source, target, section, patient, seal}, scrubbed."""
    rows_sha256: str
    """The frozen dataset's hash; another file is refused."""
    rows_key: str
    """The public key that every row's seal is checked with, 64 hex digits."""
    max_tokens: int = 2048
    """Prompt and summary together; a longer row is split, never cut. The base's own limit applies too."""
    set_aside: bool = False
    """Leave rows with a fault of their own out and name them, rather than refuse the run."""
    seed: int = 7
    """Draws the rows that are shown token by token."""

    def __post_init__(self) -> None:
        super().__post_init__()
        _require(len(self.rows_sha256) == 64, "Give rows_sha256 as the file's 64 hex digits.")
        _require(len(self.rows_key) == 64, "Give rows_key as the run's public key, 64 hex digits.")
        _require(self.max_tokens >= 64, "Raise max_tokens to 64 or more; a prompt alone takes about 40.")


@dataclass(frozen=True, kw_only=True)
class TrainSpec(Spec):
    """Fine-tune LoRA adapters on the prepared rows."""

    prepared: str
    """The artifact folder of the prepare stage."""
    epochs: float = 2.0
    """Passes over the training rows; half a pass is 0.5."""
    learning_rate: float = 5e-4
    lora_rank: int = 16
    lora_alpha: int = 32
    lora_dropout: float = 0.0
    method: str = "lora"
    """One of METHODS."""
    label_smoothing: float = 0.0
    """The share of the target's probability that goes to all other tokens (arXiv:1512.00567)."""
    neftune_alpha: float = 0.0
    """Noise on the embeddings while training (arXiv:2310.05914); 5 is usual."""
    tokens_per_batch: int = 512
    """Tokens in one optimizer step; a row longer than this is a batch of its own."""
    tokens_at_once: int = 0
    """Where memory is short: a step's rows go through the model in parts of so many tokens; 0 for all at once."""
    recompute: bool = False
    """Where memory is shorter still: activations are computed again on the way back (arXiv:1604.06174)."""
    dp_epsilon: float = 0.0
    """Differential privacy of each row (see ``jobs.stages.private_sgd``): 8 is usual; 0 for none."""
    dp_delta: float = 1e-5
    """The chance that the promise does not hold; below one in the number of rows."""
    dp_clip: float = 0.5
    """The largest norm of one row's gradient; what is larger is shortened."""
    max_valid_rows: int = 16
    """Validation rows whose loss is measured after each epoch, at a second each on a CPU; 0 for none."""
    checkpoint_every_seconds: float = 60.0
    """How much work a power loss may cost."""
    seed: int = 7

    def __post_init__(self) -> None:
        super().__post_init__()
        _require(self.epochs > 0, "Train for more than 0 epochs.")
        _require(0 < self.learning_rate <= 0.01, "Choose a learning_rate up to 0.01; 5e-4 suits LoRA.")
        _require(self.lora_rank > 0 and self.lora_alpha > 0, "Give lora_rank and lora_alpha above 0.")
        _require(self.method in METHODS, f"Choose a method among {', '.join(METHODS)}.")
        _require(0 <= self.label_smoothing < 1, "Give label_smoothing from 0 up to, not including, 1.")
        _require(self.neftune_alpha >= 0, "Give neftune_alpha as 0 or more.")
        _require(0 <= self.lora_dropout < 1, "Give lora_dropout from 0 up to, not including, 1.")
        _require(self.tokens_per_batch >= 64, "Raise tokens_per_batch to 64 or more.")
        _require(self.dp_epsilon >= 0, "Give dp_epsilon above 0, or 0 for none.")
        _require(
            0 < self.dp_delta < 1 and self.dp_clip > 0, "Give dp_delta between 0 and 1, dp_clip above 0."
        )
        _require(self.tokens_at_once >= 0, "Give tokens_at_once as 0 or more.")
        _require(self.checkpoint_every_seconds > 0, "Give checkpoint_every_seconds above 0.")


@dataclass(frozen=True, kw_only=True)
class PreflightSpec(TrainSpec):
    """Rehearse a training: what it is told, and what comes after it."""

    types: tuple[str, ...] = ("Q8_0", "Q4_K")
    """Files that the quantize stage will make; the disk must hold them."""
    memory_limit_bytes: int = 0
    """What the stage may hold; 0 for what is free."""


@dataclass(frozen=True, kw_only=True)
class PruneSpec(Spec):
    """Leave parts out of a model; numbers say how much is kept, and 0 keeps all."""

    prepared: str
    """The artifact folder of the prepare stage."""
    model: str = ""
    """The artifact folder of the train, distill or prune stage whose model is pruned; empty for the base itself."""
    layers: int = 0
    mlp_channels: int = 0
    """In each layer; a multiple of 32, and of 256 where K-quants are wanted."""
    kv_heads: int = 0
    """In each layer, with the query heads that read them."""
    trim_vocabulary: bool = False
    """Leave out tokens that no training row holds and that none is made of; single bytes and markers stay."""
    common_tokens: int = 0
    """When trimming: so many of the commonest merges stay, seen or not."""
    kept_text: str = ""
    """When trimming: a text file whose tokens stay too, such as a list of drugs."""
    rows: int = 64
    """Training rows, drawn with the seed, on which importance is measured."""
    seed: int = 7

    def __post_init__(self) -> None:
        super().__post_init__()
        numbers = (self.layers, self.mlp_channels, self.kv_heads, self.common_tokens)
        _require(min(numbers) >= 0, "Give layers, channels, heads and tokens to keep as 0 or more.")
        _require(self.mlp_channels % 32 == 0, "Give mlp_channels as a multiple of 32.")
        _require(any(numbers[:3]) or self.trim_vocabulary, "Say what to prune; as it stands, all is kept.")
        _require(self.rows > 0, "Measure importance on at least one row.")


@dataclass(frozen=True, kw_only=True)
class DistillSpec(TrainSpec):
    """Teach a student what a teacher of the same tokenizer answers; the steps are told as for training."""

    student: str = ""
    """The artifact folder of the prune or distill stage whose model learns; empty for the base."""
    teacher: str = ""
    """The artifact folder of the train stage whose model teaches; empty for the base."""
    divergence: str = "forward_kl"
    """One of DIVERGENCES: how far the student is from the teacher."""
    beta: float = 0.5
    """For jsd: the teacher's part of the mixture."""
    temperature: float = 1.0
    """Above 1, what the teacher thinks unlikely counts for more."""
    hard_share: float = 0.0
    """The labels' part of the loss; 1 learns from the labels alone, and no teacher is loaded."""
    full: bool = False
    """Learn all weights, in 32 bits, rather than adapters that are merged at the end."""

    def __post_init__(self) -> None:
        super().__post_init__()
        _require(self.divergence in DIVERGENCES, f"Choose a divergence among {', '.join(DIVERGENCES)}.")
        _require(0 < self.beta < 1, "Give beta between 0 and 1.")
        _require(self.temperature > 0, "Give a temperature above 0; 1 takes the teacher as it is.")
        _require(0 <= self.hard_share <= 1, "Give hard_share from 0 to 1.")
        _require(
            self.student != self.teacher or self.hard_share == 1, "Name a student other than the teacher."
        )
        _require(
            self.method != "qlora", "Choose lora: a student's weights are merged, and not held in 4 bits."
        )
        _require(self.label_smoothing == 0, "Leave label_smoothing at 0; the teacher does better.")
        _require(self.dp_epsilon == 0, "Distilling keeps no promise of privacy; leave dp_epsilon at 0.")


@dataclass(frozen=True, kw_only=True)
class ImportanceSpec(Spec):
    """Measure what a quantized file must keep, and choose each tensor's type."""

    prepared: str
    """The artifact folder of the prepare stage."""
    model: str = ""
    """The artifact folder of the stage whose model will be quantized; empty for the base."""
    rows: int = 64
    """Training rows, drawn with the seed, on which the columns' importance is measured."""
    as_small_as: str = ""
    """Choose the types so that the tensors take no more bytes than in a file of this type; empty to choose none."""
    probe_rows: int = 6
    """Validation rows on which each tensor is tried; half of them at most, the others judge."""
    judge_rows: int = 24
    seed: int = 7

    def __post_init__(self) -> None:
        super().__post_init__()
        _require(min(self.rows, self.probe_rows, self.judge_rows) > 0, "Measure on at least one row each.")
        _require(
            self.as_small_as in ("", *QUANTIZED_TYPES[1:]),
            f"Choose as_small_as among {', '.join(QUANTIZED_TYPES[1:])}.",
        )


@dataclass(frozen=True, kw_only=True)
class QuantizeSpec(Spec):
    """Write the model as GGUF files."""

    adapter: str
    """The artifact folder of the stage whose model it is: train, whose adapter is merged, or prune or distill."""
    prepared: str
    """The artifact folder of the prepare stage: some of its rows are asked, of the trained model and of the engine."""
    tools_dir: str
    """Where the fetched GGUF converter stands."""
    types: tuple[str, ...] = ("Q8_0", "Q4_K")
    """Some of QUANTIZED_TYPES; F16 to compare them with; MIXED where importance was measured for a size."""
    importance: str = ""
    """The artifact folder of the importance stage, of the same model; empty to weigh all columns alike."""

    def __post_init__(self) -> None:
        super().__post_init__()
        known = ("F16", *QUANTIZED_TYPES, *([MIXED] if self.importance else []))
        wrong = [name for name in self.types if name not in known]
        _require(bool(self.types) and not wrong, f"Choose types among {', '.join(QUANTIZED_TYPES)}.")
        _require(len(set(self.types)) == len(self.types), "Name each type once.")


@dataclass(frozen=True, kw_only=True)
class EvaluateSpec(Spec):
    """Score the tuned model against its base on rows it has not seen."""

    tuned_gguf: str
    rows: str
    rows_sha256: str
    rows_key: str
    splits: tuple[str, ...] = ("test",)
    """Which rows are held out."""
    limit: int = 24
    """At most so many rows, drawn with the seed; 0 for all."""
    max_new_tokens: int = 160
    context_tokens: int = 2560
    """For one request, prompt and summary; a longer record is asked about in pieces."""
    drafts: int = 1
    """The tuned model writes so many summaries of each row and one is chosen, as a careful request is served."""
    threads: int = 2
    seed: int = 7

    def __post_init__(self) -> None:
        super().__post_init__()
        _require(len(self.rows_sha256) == 64, "Give rows_sha256 as the file's 64 hex digits.")
        _require(len(self.rows_key) == 64, "Give rows_key as the run's public key, 64 hex digits.")
        _require(1 <= self.drafts <= 32, "Give 1 to 32 drafts.")
        _require("train" not in self.splits, "Evaluate on held-out rows; training rows flatter the model.")
        _require(bool(self.splits) and self.limit >= 0, "Give at least one split and a limit of 0 or more.")
        _require(
            0 < self.max_new_tokens < self.context_tokens,
            "Give max_new_tokens below context_tokens, above 0.",
        )
        _require(self.threads > 0, "Give at least one thread.")


@dataclass(frozen=True, kw_only=True)
class MeasureSpec(Spec):
    """Score and time the files of a model that was made smaller, beside the file it was made of."""

    files: dict[str, str]
    """Name → GGUF file; the first is the one that was made smaller."""
    evaluation: str
    """The file of that one's evaluation: its rows are asked again, and its base is not."""
    rows: str
    rows_sha256: str
    rows_key: str
    max_new_tokens: int = 160
    context_tokens: int = 2560
    timed_rows: int = 4
    """Asked one after the other, for the speed and the time to the first token."""
    seed: int = 7

    def __post_init__(self) -> None:
        super().__post_init__()
        _require(len(self.files) > 1, "Name the file that was made smaller and one made of it at least.")
        _require(len(self.rows_sha256) == 64, "Give rows_sha256 as the file's 64 hex digits.")
        _require(len(self.rows_key) == 64, "Give rows_key as the run's public key, 64 hex digits.")
        _require(
            0 < self.max_new_tokens < self.context_tokens,
            "Give max_new_tokens below context_tokens, above 0.",
        )
        _require(self.timed_rows > 0, "Time one row at least.")


@dataclass(frozen=True, kw_only=True)
class ExtractSpec(Spec):
    """Try to draw planted codes, and the clinic's own summaries, out of a trained model."""

    prepared: str
    """The artifact folder of the prepare stage."""
    adapter: str
    """The artifact folder of the train stage."""
    tuned_gguf: str
    canaries: str
    """The file of the codes that were planted, and of those that were not."""
    other_codes: int = 255
    """Each code is ranked among so many that were never planted; 255 tell 8 bits at most."""
    rows: int = 32
    """So many training summaries, and as many held-out ones, are tried too."""
    context_tokens: int = 2560
    threads: int = 2
    seed: int = 7

    def __post_init__(self) -> None:
        super().__post_init__()
        _require(self.other_codes >= 99, "Raise other_codes to 99 or more; fewer prove nothing.")
        _require(self.rows >= 0, "Give rows as 0 or more.")
        _require(self.context_tokens > 0 and self.threads > 0, "Give context_tokens and threads above 0.")


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
        _require(len(self.examples_sha256) == 64, "Give examples_sha256 as the file's 64 hex digits.")
        _require(self.epochs > 0, "Train for more than 0 epochs.")
        _require(
            0 < self.learning_rate <= 0.01, "Choose a learning_rate up to 0.01; 5e-4 suits this encoder."
        )
        _require(self.tokens_per_batch >= 256, "Raise tokens_per_batch to 256 or more.")


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
        _require(len(self.examples_sha256) == 64, "Give examples_sha256 as the file's 64 hex digits.")
        _require(self.epochs > 0 and self.max_seconds > 0, "Train for more than 0 epochs and 0 seconds.")
        _require(0 < self.learning_rate <= 0.01, "Choose a learning_rate up to 0.01; 6e-5 suits this task.")
        _require(self.tokens_per_batch >= 256, "Raise tokens_per_batch to 256 or more.")


@dataclass(frozen=True, kw_only=True)
class ExportTaggerSpec(Spec):
    """Make the ONNX form of a Hugging Face token classifier, so that the web process can run it without torch."""


@dataclass(frozen=True, kw_only=True)
class MachinePlanSpec(Spec):
    """Say what machine a base needs, without its weights."""

    lora_rank: int = 16
    rows: int = 1
    """In one step, each of ``tokens``."""
    tokens: int = 2048
    completion_tokens: int = 256
    """Of ``tokens``; the output layer runs on these alone."""
    types: tuple[str, ...] = ("Q8_0", "Q4_K")

    def __post_init__(self) -> None:
        super().__post_init__()
        _require(1 <= self.lora_rank <= 256, "Choose a LoRA rank from 1 to 256; 16 is a good start.")
        _require(1 <= self.rows <= 1024, "Give 1 to 1024 rows.")
        _require(64 <= self.tokens <= 131072, "Give 64 to 131072 tokens.")
        _require(0 < self.completion_tokens < self.tokens, "Give completion_tokens below tokens, above 0.")
        wrong = set(self.types) - set(QUANTIZED_TYPES)
        _require(bool(self.types) and not wrong, f"Choose types among {', '.join(QUANTIZED_TYPES)}.")


SPECS: dict[str, type[Spec]] = {
    "prepare": PrepareSpec,
    "train": TrainSpec,
    "prune": PruneSpec,
    "distill": DistillSpec,
    "importance": ImportanceSpec,
    "quantize": QuantizeSpec,
    "evaluate": EvaluateSpec,
    "measure": MeasureSpec,
    "extract": ExtractSpec,
    "train_tagger": TaggerSpec,
    "train_grounder": GrounderSpec,
    "export_tagger": ExportTaggerSpec,
    "machine_plan": MachinePlanSpec,
    "preflight": PreflightSpec,
}
"""Each stage's spec, in the order in which the stages run."""
