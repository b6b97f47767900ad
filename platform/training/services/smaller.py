"""Make a run's model smaller: start, what became of each file, and whether it lost too much to be deployed."""

from dataclasses import dataclass

from django.db import IntegrityError, models, transaction
from django.utils import timezone

from accounts.models import User
from audit import log
from config.queue import enqueue
from training.measures import Scored
from training.models import CUTTING, SMALLER_STAGES, Evaluation, ModelArtifact, RunStage, Status, TrainingRun
from training.options import RunOptions, SmallerOptions
from training.services import runs
from training.services.comparing import NotComparable, compare
from training.services.folders import rows_path
from training.services.memory import memory_of
from training.services.plan_smaller import smaller_options
from training.services.runs import RunRefused

WATCHED = ("unsupported", "with_novel_numbers")
"""Measures of what a model invents: none may get surely worse, however little."""


@transaction.atomic
def start_smaller(
    *, source: TrainingRun, user: User, name: str, options: SmallerOptions, nudge: bool = True
) -> TrainingRun:
    """Queue a run that makes the model of ``source`` smaller. Raises ``RunRefused``."""
    check(source, options)
    runs.check(clinic=source.clinic, name=name, base=source.base)
    try:
        with transaction.atomic():
            run = TrainingRun.objects.create(
                clinic=source.clinic,
                name=name,
                dataset=source.dataset,
                base=source.base,
                source=source,
                options={**source.options, "types": list(options.types), "smaller": options.to_json()},
                started_by=user,
            )
    except IntegrityError as error:
        raise RunRefused(runs.taken(name)) from error
    stages = (*(CUTTING if options.cut != "none" else ()), *SMALLER_STAGES)
    now = timezone.now()
    RunStage.objects.bulk_create(
        RunStage(run=run, number=number, name=stage, nudged_at=now if number == 0 else None)
        for number, stage in enumerate(stages)
    )
    log.record(
        clinic=run.clinic,
        actor=user,
        action="start_smaller",
        subject=run,
        source=str(source.uuid),
        cut=options.cut,
        types=", ".join(options.types),
    )
    if nudge:
        enqueue("run_stage", str(run.stages.get(number=0).uuid))
    return run


def check(source: TrainingRun, options: SmallerOptions) -> None:
    """Raises ``RunRefused`` for a run whose model cannot be made smaller."""
    if source.source_id:
        raise RunRefused(f"{source.name} made a model smaller itself. Choose the run that it started from.")
    whole = whole_of(source)
    if source.status != Status.SUCCEEDED or whole is None:
        raise RunRefused(f"{source.name} has no evaluated model. Choose a finished training run.")
    if whole.shares_base:
        raise RunRefused(
            f"The model of {source.name} is an adapter on a base that others share: only whole files are made smaller. "
            "Train again without that choice."
        )
    if memory_of(source).planted:
        raise RunRefused("Made-up codes were planted in this run: it is for the memory test. Choose another.")
    if options.cut != "none" and RunOptions.from_json(source.options).dp_epsilon:
        raise RunRefused(
            "It was trained with differential privacy, which healing on its rows would undo. Leave nothing out."
        )
    runs.check_release(source.dataset)
    if not rows_path(source).exists():
        raise RunRefused("The rows of this run are gone, since a record was erased. Train again first.")


@dataclass(frozen=True)
class Loss:
    """What a smaller file lost against the one before, on the same records."""

    rouge_1: float
    """Points; below 0 it gained."""
    by_cutting: float | None
    """Of these, what the closest file of the same cut model lost; None where nothing was cut."""
    worse: tuple[Scored, ...]
    """Of WATCHED, what is surely worse."""
    identifiers: tuple[int, int] | None
    """How many its record does not hold stand in the whole model's summaries, and in this one's; None where not counted."""
    rows: int


def loss_of(artifact: ModelArtifact) -> Loss | None:
    """None for a file that is not a smaller one, or was not measured yet."""
    run = artifact.stage.run
    if run.source is None or not Evaluation.objects.filter(artifact=artifact).exists():
        return None
    scores, rows = _against_whole(artifact)
    by_cutting = None
    if run.stages.filter(name__in=CUTTING).exists():
        closest = made_by(run).order_by("-bytes").first()
        by_cutting = -_rouge_1(_against_whole(closest)[0]).gain if closest else None
    worse = tuple(each for each in scores if each.measure.key in WATCHED and each.verdict == "worse")
    return Loss(-_rouge_1(scores).gain, by_cutting, worse, _identifiers(scores, rows), rows)


def whole_of(source: TrainingRun) -> ModelArtifact | None:
    """The evaluated file that a run was started for; the smaller ones are held against it."""
    evaluated = ModelArtifact.objects.filter(clinic=source.clinic, name=source.name, evaluation__isnull=False)
    return evaluated.select_related("clinic", "evaluation", "stage__run").first()


def made_by(run: TrainingRun) -> models.QuerySet[ModelArtifact]:
    """The run's files that were measured, with their evaluations."""
    return ModelArtifact.objects.filter(stage__run=run, evaluation__isnull=False).select_related(
        "clinic", "evaluation", "stage__run__source"
    )


def _against_whole(artifact: ModelArtifact) -> tuple[list[Scored], int]:
    whole = whole_of(artifact.stage.run.trained_in)
    if whole is None:
        raise NotComparable("The model that it was made of is not there any more, or was not evaluated.")
    compared = compare(whole, artifact)
    return compared.scores, compared.rows


def _identifiers(scores: list[Scored], rows: int) -> tuple[int, int] | None:
    """None where an earlier version did not count them."""
    for each in scores:
        if each.measure.key == "foreign_identifiers":
            return round(rows * each.first["value"]), round(rows * each.second["value"])
    return None


def _rouge_1(scores: list[Scored]) -> Scored:
    return next(each for each in scores if each.measure.key == "rouge1")


def refusal_of(artifact: ModelArtifact) -> str:
    """Why a smaller file may not be deployed, and where the loss came in; empty where it may."""
    run = artifact.stage.run
    if run.source is None:
        return ""
    try:
        loss = loss_of(artifact)
    except NotComparable as error:
        return str(error)
    if loss is None:
        return "It was not measured yet against the model that it was made of. Let its run finish first."
    limit = smaller_options(run).most_lost
    if loss.rouge_1 > limit:
        return (
            f"It lost {loss.rouge_1:.1f} ROUGE-1 points of the model that it was made of; at most {limit:g} may be lost. "
            f"{_where(loss, artifact)}"
        )
    # One is enough: a patient's name is no matter of chance.
    if loss.identifiers and loss.identifiers[1] > loss.identifiers[0]:
        before, now = loss.identifiers
        return (
            f"It gives away more than the model that it was made of: its summaries of {loss.rows} held-out records hold "
            f"{now} identifier{'s' * (now > 1)} that no record of theirs holds, the whole model's {before}. A name, date or "
            "number may come from a record that it learned. Choose a larger file."
        )
    if loss.worse:
        return f"It invents more than the model that it was made of: {loss.worse[0].measure.label.lower()}."
    return ""


def _where(loss: Loss, artifact: ModelArtifact) -> str:
    rounding = f"storing its numbers as {artifact.quantization}"
    if loss.by_cutting is None:
        return f"All of it came with {rounding}: choose a larger file."
    rest = loss.rouge_1 - loss.by_cutting
    return (
        f"{loss.by_cutting:.1f} came with leaving parts out, {rest:.1f} with {rounding}: "
        f"{'leave less out' if loss.by_cutting > rest else 'choose a larger file'}."
    )
