"""From a clinic's rows to trained adapters, and the rehearsal of it."""

from dataclasses import dataclass

from jobs.specs.base import Spec, require, require_sealed

METHODS = ("lora", "rslora", "dora", "qlora")
"""How adapters are made: plain (arXiv:2106.09685); with a scale fit for high ranks (arXiv:2312.03732); with directions
apart from sizes (arXiv:2402.09353); on a base held in 4 bits, for a machine or card short of memory (arXiv:2305.14314)."""


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
        require_sealed(self.rows_sha256, self.rows_key)
        require(self.max_tokens >= 64, "Raise max_tokens to 64 or more; a prompt alone takes about 40.")


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
        require(self.epochs > 0, "Train for more than 0 epochs.")
        require(0 < self.learning_rate <= 0.01, "Choose a learning_rate up to 0.01; 5e-4 suits LoRA.")
        require(self.lora_rank > 0 and self.lora_alpha > 0, "Give lora_rank and lora_alpha above 0.")
        require(self.method in METHODS, f"Choose a method among {', '.join(METHODS)}.")
        require(0 <= self.label_smoothing < 1, "Give label_smoothing from 0 up to, not including, 1.")
        require(self.neftune_alpha >= 0, "Give neftune_alpha as 0 or more.")
        require(0 <= self.lora_dropout < 1, "Give lora_dropout from 0 up to, not including, 1.")
        require(self.tokens_per_batch >= 64, "Raise tokens_per_batch to 64 or more.")
        require(self.dp_epsilon >= 0, "Give dp_epsilon above 0, or 0 for none.")
        require(0 < self.dp_delta < 1 and self.dp_clip > 0, "Give dp_delta between 0 and 1, dp_clip above 0.")
        require(self.tokens_at_once >= 0, "Give tokens_at_once as 0 or more.")
        require(self.checkpoint_every_seconds > 0, "Give checkpoint_every_seconds above 0.")


@dataclass(frozen=True, kw_only=True)
class PreflightSpec(TrainSpec):
    """Rehearse a training: what it is told, and what comes after it."""

    types: tuple[str, ...] = ("Q8_0", "Q4_K")
    """Files that the quantize stage will make; the disk must hold them."""
    memory_limit_bytes: int = 0
    """What the stage may hold; 0 for what is free."""
