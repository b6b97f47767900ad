"""The before/after table of a run, in words for a terminal."""

from typing import Any

from training.models import Evaluation, TrainingRun

METRICS = (
    ("rouge1", "ROUGE-1"),
    ("rouge2", "ROUGE-2"),
    ("rougeL", "ROUGE-L"),
    ("rougeLsum", "ROUGE-Lsum"),
    ("similarity", "closeness"),
    ("unsupported", "unsupported %"),
    ("with_novel_numbers", "new number %"),
    ("copied_4grams", "copied %"),
)
WIDTH = max(len(label) for _, label in METRICS)


def before_and_after(run: TrainingRun) -> str:
    """Base against tuned on held-out records, with 95 % intervals."""
    evaluation = Evaluation.objects.filter(artifact__clinic=run.clinic, artifact__name=run.name).first()
    if evaluation is None:
        return "The run has no evaluation."
    base, tuned = evaluation.metrics["base"], evaluation.metrics["tuned"]
    lines = [
        f"{run.name}: {run.base} before and after training, {evaluation.metrics['rows']} held-out records"
    ]
    lines.append(f"{'':<{WIDTH}}{'before':>22}{'after':>22}{'gain':>8}")
    for key, label in METRICS:
        if key not in tuned:  # Closeness is measured only where its encoder was fetched.
            continue
        gain = tuned[key]["value"] - base[key]["value"]
        lines.append(f"{label:<{WIDTH}}{_interval(base[key]):>22}{_interval(tuned[key]):>22}{gain:>+8.1f}")
    lines.append(f"{'words':<{WIDTH}}{base['mean_words']:>22.0f}{tuned['mean_words']:>22.0f}")
    lines.append(f"{'tokens/s':<{WIDTH}}{base['tokens_per_s']:>22.0f}{tuned['tokens_per_s']:>22.0f}")
    return "\n".join(lines)


def _interval(score: dict[str, Any]) -> str:
    return f"{score['value']:.1f} ({score['low']:.1f} to {score['high']:.1f})"
