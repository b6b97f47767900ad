"""What leaves parts out of a model, and teaches what is left."""

from dataclasses import dataclass

from jobs.specs.base import Spec, require
from jobs.specs.training import TrainSpec

DIVERGENCES = ("forward_kl", "reverse_kl", "jsd")


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
        require(min(numbers) >= 0, "Give layers, channels, heads and tokens to keep as 0 or more.")
        require(self.mlp_channels % 32 == 0, "Give mlp_channels as a multiple of 32.")
        require(any(numbers[:3]) or self.trim_vocabulary, "Say what to prune; as it stands, all is kept.")
        require(self.rows > 0, "Measure importance on at least one row.")


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
        require(self.divergence in DIVERGENCES, f"Choose a divergence among {', '.join(DIVERGENCES)}.")
        require(0 < self.beta < 1, "Give beta between 0 and 1.")
        require(self.temperature > 0, "Give a temperature above 0; 1 takes the teacher as it is.")
        require(0 <= self.hard_share <= 1, "Give hard_share from 0 to 1.")
        require(
            self.student != self.teacher or self.hard_share == 1, "Name a student other than the teacher."
        )
        require(
            self.method != "qlora", "Choose lora: a student's weights are merged, and not held in 4 bits."
        )
        require(self.label_smoothing == 0, "Leave label_smoothing at 0; the teacher does better.")
        require(self.dp_epsilon == 0, "Distilling keeps no promise of privacy; leave dp_epsilon at 0.")
