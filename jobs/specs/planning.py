"""What says what machine a base needs, before anything is fetched."""

from dataclasses import dataclass

from jobs.specs.base import Spec, require
from jobs.specs.quantizing import QUANTIZED_TYPES


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
        require(1 <= self.lora_rank <= 256, "Choose a LoRA rank from 1 to 256; 16 is a good start.")
        require(1 <= self.rows <= 1024, "Give 1 to 1024 rows.")
        require(64 <= self.tokens <= 131072, "Give 64 to 131072 tokens.")
        require(0 < self.completion_tokens < self.tokens, "Give completion_tokens below tokens, above 0.")
        wrong = set(self.types) - set(QUANTIZED_TYPES)
        require(bool(self.types) and not wrong, f"Choose types among {', '.join(QUANTIZED_TYPES)}.")
