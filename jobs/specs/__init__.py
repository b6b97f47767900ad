"""What a stage is told: one frozen dataclass per stage, the whole contract, with a JSON round trip.

A wrong spec raises ``ValueError`` in a second rather than an hour into the run. Paths are absolute.
"""

from jobs.specs.base import Spec
from jobs.specs.encoders import ExportTaggerSpec, GrounderSpec, TaggerSpec
from jobs.specs.judging import EvaluateSpec, ExtractSpec, MeasureSpec
from jobs.specs.planning import MachinePlanSpec
from jobs.specs.quantizing import (
    ADAPTER,
    EXPORTED_TYPES,
    MIXED,
    QUANTIZED_TYPES,
    ImportanceSpec,
    QuantizeSpec,
)
from jobs.specs.smaller import DIVERGENCES, DistillSpec, PruneSpec
from jobs.specs.teaching import FAULTS, TEACHER_KEY, TeachSpec
from jobs.specs.training import METHODS, PreflightSpec, PrepareSpec, TrainSpec

__all__ = [
    "ADAPTER",
    "DIVERGENCES",
    "EXPORTED_TYPES",
    "FAULTS",
    "METHODS",
    "MIXED",
    "QUANTIZED_TYPES",
    "SPECS",
    "TEACHER_KEY",
    "DistillSpec",
    "EvaluateSpec",
    "ExportTaggerSpec",
    "ExtractSpec",
    "GrounderSpec",
    "ImportanceSpec",
    "MachinePlanSpec",
    "MeasureSpec",
    "PreflightSpec",
    "PrepareSpec",
    "PruneSpec",
    "QuantizeSpec",
    "Spec",
    "TaggerSpec",
    "TeachSpec",
    "TrainSpec",
]

SPECS: dict[str, type[Spec]] = {
    "teach": TeachSpec,
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
