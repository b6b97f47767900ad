"""A candidate beside the deployed model: asked the same, in the background, and shown to administrators only.

The rows are the truth. A message names a shadow and means "let it answer its next question". It does so only while the
engine answers nobody else, and is stopped as soon as somebody asks: no summary waits for it.
"""

import json
import logging
import random
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from threading import Event, Thread
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.utils import timezone

from accounts.models import Clinic, User
from audit import log
from config import vault
from config.queue import enqueue
from jobs.machine import free_memory_bytes
from summaries import admission, asking, correction_measures, deployments, leases, regression
from summaries.deployments import NotDeployable
from summaries.engine import (
    Cancellation,
    Completion,
    EngineCancelled,
    EngineError,
    EngineTimeout,
    EngineUnavailable,
    Prompt,
)
from summaries.leases import MOST_ATTEMPTS, NUDGE_AGAIN
from summaries.models import Shadow, ShadowAnswer, Summary
from summaries.opening import MalformedAnswer, check_json, opened
from summaries.questions import Asked
from summaries.reviewing import text_of
from summaries.shadow_measures import measure
from summaries.styles import STYLES, style_of
from training.models import ModelArtifact

LOOK_SECONDS = 0.2
MOST_WAITING = 500
"""Older questions than these would be answered long after anybody cares."""
PASSING = (EngineUnavailable, EngineTimeout)
# What a file takes in memory beside itself: the caches of the requests that it answers at once.
ROOM = 1.25
Status = ShadowAnswer.Status
logger = logging.getLogger(__name__)


def start(*, artifact: ModelArtifact, percent: int, user: User) -> Shadow:
    """Ask ``artifact`` beside the deployed model from now on. Raises ``NotDeployable``."""
    deployments.check_servable(artifact, user, "start_shadow")
    deployments.check_served(artifact)
    return _open(artifact, percent, user)


@transaction.atomic
def _open(artifact: ModelArtifact, percent: int, user: User) -> Shadow:
    clinic = Clinic.objects.select_for_update().get(pk=artifact.clinic_id)
    deployment = deployments.current_deployment(clinic)
    if deployment is None:
        raise NotDeployable("No model is deployed that it could be held against. Deploy it instead.")
    if deployment.artifact_id == artifact.pk:
        raise NotDeployable("This model answers already. Choose another one to hold against it.")
    if Shadow.objects.filter(clinic=clinic, ended_at=None).exists():
        raise NotDeployable("Another shadow is running. End it on the Shadow page first.")
    if not settings.ENGINE_URL and artifact.bytes * ROOM > free_memory_bytes():
        raise NotDeployable("The machine has too little free memory for a second model. Try a smaller file.")
    shadow = Shadow.objects.create(
        clinic=clinic, artifact=artifact, deployment=deployment, percent=percent, started_by=user
    )
    log.record(clinic=clinic, actor=user, action="start_shadow", subject=artifact, percent=percent)
    transaction.on_commit(deployments.point_engine)
    return shadow


@transaction.atomic
def ask_of_corrections(*, shadow: Shadow, user: User) -> int:
    """Put down what was corrected before, to be asked when nobody waits. Returns how much; 0 for an ended shadow."""
    held = Shadow.objects.select_for_update().select_related("clinic", "artifact").get(pk=shadow.pk)
    reviews = [] if held.ended_at else regression.to_ask(held)
    if not reviews:
        return 0
    for review in reviews:
        _put_down(held, review.summary, regression.prompt_of(review))
    log.record(
        clinic=held.clinic,
        actor=user,
        action="ask_shadow_of_corrections",
        subject=held.artifact,
        summaries=len(reviews),
    )
    _nudge(held)
    return len(reviews)


@transaction.atomic
def end(*, shadow: Shadow, user: User) -> None:
    """Safe to call twice."""
    if shadow.ended_at is None:
        deployments.end_shadow(clinic=shadow.clinic, user=user)


def consider(*, summary: Summary, asked: Asked) -> None:
    """Put what was asked down for the clinic's open shadow, if it is its turn. Never fails: the summary stands."""
    try:
        shadow = Shadow.objects.filter(deployment=summary.deployment_id, ended_at=None).first()
        if shadow is None or random.randrange(100) >= shadow.percent:
            return
        if shadow.answers.filter(status=Status.QUEUED).count() < MOST_WAITING:
            with transaction.atomic():
                _put_down(shadow, summary, asked.prompt)
                _nudge(shadow)
    except Exception as error:  # whatever it is, the message may quote the record
        logger.error("A shadow could not be asked: %s.", type(error).__name__)


def _put_down(shadow: Shadow, summary: Summary, prompt: Prompt) -> None:
    answer = ShadowAnswer(shadow=shadow, summary=summary)
    answer.blob = _sealed(summary, answer, asdict(prompt))
    answer.save(force_insert=True)


def answer_next(uuid: str) -> None:
    """Let the candidate answer its next question. Safe to run twice, or by two workers at once."""
    shadow = Shadow.objects.select_related("artifact__stage__run").get(uuid=uuid)
    # The next look of the reaper sends a message again.
    if not _is_idle() or (answer := leases.claim(_answers(shadow))) is None:
        return
    try:
        _write(shadow, answer)
    except EngineCancelled:
        # People came first. That is no fault of the question's, so it does not count.
        leases.held(answer).update(status=Status.QUEUED, attempts=F("attempts") - 1, lease_expires_at=None)
        return
    except PASSING as error:
        again = answer.attempts < MOST_ATTEMPTS
        _settle(answer, Status.QUEUED if again else Status.FAILED, error=str(error), keep_prompt=again)
        return
    except regression.TakenBack:
        _settle(answer, Status.CANCELLED, error="The correction was taken back before its turn came.")
    except (EngineError, MalformedAnswer) as error:
        _settle(answer, Status.FAILED, error=str(error))
    if shadow.answers.filter(status=Status.QUEUED).exists():
        with transaction.atomic():
            _nudge(shadow)


def _write(shadow: Shadow, answer: ShadowAnswer) -> None:
    summary, correction = answer.summary, regression.correction_of(answer)
    source, draft = opened(summary)
    prompt = Prompt(**json.loads(opened_answer(answer)))
    with _until_somebody_asks() as cancellation:
        completion = _ask(shadow, answer, prompt, source, cancellation)
    if prompt.json_schema and summary.style in STYLES:
        check_json(completion.text)
    measures: dict[str, Mapping[str, float]] = {
        "draft": measure(source, draft),
        "candidate": measure(source, completion.text),
    }
    if correction:
        measures["correction"] = correction_measures.measure(
            draft=draft, corrected=text_of(correction), candidate=completion.text
        )
    leases.held(answer).update(
        status=Status.SUCCEEDED,
        blob=_sealed(summary, answer, completion.text),
        seconds=completion.seconds,
        measures=measures,
        error="",
        lease_expires_at=None,
    )


def _ask(
    shadow: Shadow, answer: ShadowAnswer, prompt: Prompt, source: str, cancellation: Cancellation
) -> Completion:
    summary, keeper = answer.summary, leases.Keeper(answer)
    pieces = asking.stream(
        deployments.engine_client(),
        shadow.artifact.sha256,
        prompt,
        source=source,
        section=summary.section or style_of(summary.style).section,
        context_tokens=deployments.read_at_once(shadow.artifact),
        cancellation=cancellation,
    )
    while True:
        try:
            next(pieces)
        except StopIteration as end:
            completion: Completion = end.value
            return completion
        keeper.look()


@contextmanager
def _until_somebody_asks() -> Iterator[Cancellation]:
    """A cancellation that comes true when somebody else asks the engine."""
    cancellation, done = Cancellation(), Event()

    def watch() -> None:
        while not done.wait(LOOK_SECONDS):
            if not _is_idle():
                cancellation.cancel()
                return

    watcher = Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield cancellation
    finally:
        done.set()
        watcher.join()


def _is_idle() -> bool:
    return admission.is_idle(settings.VAR / "engine" / "queue", settings.ENGINE_QUEUE)


def _answers(shadow: Shadow) -> QuerySet[ShadowAnswer]:
    return shadow.answers.select_related("summary__clinic")


def _settle(
    answer: ShadowAnswer, status: ShadowAnswer.Status, *, error: str, keep_prompt: bool = False
) -> None:
    emptied = {} if keep_prompt else {"blob": b""}
    leases.held(answer).update(status=status, error=error[:300], lease_expires_at=None, **emptied)


def _sealed(summary: Summary, answer: ShadowAnswer, content: Any) -> bytes:
    data = json.dumps(content).encode()
    return vault.encrypt(summary.clinic.wrapped_key, f"shadow-answer:{answer.uuid}", data)


def opened_answer(answer: ShadowAnswer) -> str:
    key = answer.summary.clinic.wrapped_key
    return vault.decrypt(key, f"shadow-answer:{answer.uuid}", bytes(answer.blob)).decode()


def reap() -> None:
    """Put back what a vanished worker held, and send again what waits."""
    now = timezone.now()
    leases.put_back(
        ShadowAnswer.objects.all(), gave_up="The worker stopped each time the candidate wrote this."
    )
    waiting = Shadow.objects.filter(
        Q(nudged_at__lt=now - NUDGE_AGAIN) | Q(nudged_at=None), ended_at=None, answers__status=Status.QUEUED
    ).exclude(answers__status=Status.RUNNING)
    for shadow in waiting.distinct():
        with transaction.atomic():
            _nudge(shadow)


def _nudge(shadow: Shadow) -> None:
    Shadow.objects.filter(pk=shadow.pk).update(nudged_at=timezone.now())
    enqueue("answer_next_of_shadow", str(shadow.uuid))
