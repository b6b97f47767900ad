"""The before/after table of a run, in words for a terminal."""

from typing import Any

from training.models import Evaluation, TrainingRun

METRICS = (("rouge1", "ROUGE-1"), ("rouge2", "ROUGE-2"), ("rougeL", "ROUGE-L"))


def before_and_after(run: TrainingRun) -> str:
    """Base against tuned on held-out records, with 95 % intervals."""
    evaluation = Evaluation.objects.filter(artifact__clinic=run.clinic, artifact__name=run.name).first()
    if evaluation is None:
        return "The run has no evaluation."
    base, tuned = evaluation.metrics["base"], evaluation.metrics["tuned"]
    lines = [
        f"{run.name}: {run.base} before and after training, {evaluation.metrics['rows']} held-out records"
    ]
    lines.append(f"{'':<12}{'before':>22}{'after':>22}{'gain':>8}")
    for key, label in METRICS:
        gain = tuned[key]["value"] - base[key]["value"]
        lines.append(f"{label:<12}{_interval(base[key]):>22}{_interval(tuned[key]):>22}{gain:>+8.1f}")
    lines.append(f"{'words':<12}{base['mean_words']:>22.0f}{tuned['mean_words']:>22.0f}")
    lines.append(f"{'tokens/s':<12}{base['tokens_per_s']:>22.0f}{tuned['tokens_per_s']:>22.0f}")
    return "\n".join(lines)


def _interval(score: dict[str, Any]) -> str:
    return f"{score['value']:.1f} ({score['low']:.1f} to {score['high']:.1f})"
