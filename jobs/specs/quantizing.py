"""What writes a model as GGUF files, and what is measured to choose their types."""

from dataclasses import dataclass

from jobs.specs.base import Spec, require

QUANTIZED_TYPES = ("Q8_0", "Q6_K", "Q5_K", "Q5_0", "Q4_K", "Q4_0")
"""From the largest and closest to the trained model to the smallest."""

MIXED = "MIXED"
"""Each tensor of the file in the type that the importance stage chose for it."""

ADAPTER = "LORA"
"""No whole file: what training learned, to be served upon the base's own file, which others share."""
EXPORTED_TYPES = (*QUANTIZED_TYPES, ADAPTER)
"""What a training run may make."""


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
        require(min(self.rows, self.probe_rows, self.judge_rows) > 0, "Measure on at least one row each.")
        require(
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
    """Some of QUANTIZED_TYPES; ADAPTER; F16 to compare them with; MIXED where importance was measured for a size."""
    importance: str = ""
    """The artifact folder of the importance stage, of the same model; empty to weigh all columns alike."""

    def __post_init__(self) -> None:
        super().__post_init__()
        known = ("F16", *EXPORTED_TYPES, *([MIXED] if self.importance else []))
        wrong = [name for name in self.types if name not in known]
        require(bool(self.types) and not wrong, f"Choose types among {', '.join(EXPORTED_TYPES)}.")
        require(len(set(self.types)) == len(self.types), "Name each type once.")
