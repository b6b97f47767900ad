"""Summaries: the one path from a scrubbed question to what the model wrote, and back to it later."""

import json
import time
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction

from accounts.models import ApiToken, User
from audit import log
from config import vault
from config.keys import derive
from privacy.placeholders import restore
from privacy.seal import seal
from summaries import admission, asking, shadows
from summaries.deployments import current_deployment, engine_client, read_at_once
from summaries.engine import Cancellation, Completion, EngineCancelled
from summaries.models import Deployment, Summary
from summaries.opening import MalformedAnswer as MalformedAnswer
from summaries.opening import check_json
from summaries.opening import opened as opened
from summaries.questions import Asked
from summaries.styles import STYLES, style_of


class NoModelDeployed(Exception):
    """The clinic has no deployed model yet."""


@dataclass(frozen=True)
class Written:
    """A summary and, for the eyes of whoever asked, the values that its placeholders stand for.

    ``originals`` is never stored: it lives as long as the answer.
    """

    summary: Summary
    text: str
    source: str
    originals: dict[str, str] = field(repr=False)
    completion: Completion

    @property
    def restored(self) -> str:
        """The summary with real values put back, for the clinician's own view."""
        return restore(self.text, self.originals)


def open_summary(*, summary: Summary, user: User) -> tuple[str, str]:
    """The scrubbed source and the summary's text; each look is an audit entry."""
    with transaction.atomic():
        log.record(clinic=summary.clinic, actor=user, action="view_summary", subject=summary)
    return opened(summary)


def open_summaries(summaries: list[Summary], token: ApiToken) -> dict[UUID, tuple[str, str]]:
    """Source and text of each, for the key that asked for them; one audit entry for all."""
    if summaries:
        with transaction.atomic():
            log.record(
                clinic=token.clinic,
                actor=token.created_by,
                action="view_summaries",
                summaries=len(summaries),
                token=str(token.uuid),
            )
    return {summary.uuid: opened(summary) for summary in summaries}


class Writing:
    """``write`` as a plain iterator of pieces, with what it returns in ``written`` once it is through."""

    written: Written
    progress: asking.Progress | None = None
    """Of a long record, or with care: what is being written. Changes right before an empty piece."""

    def __init__(self, asked: Asked, cancellation: Cancellation | None = None) -> None:
        self._pieces = write(asked, cancellation, self._told)

    def _told(self, progress: asking.Progress) -> None:
        self.progress = progress

    def __iter__(self) -> Iterator[str]:
        self.written = yield from self._pieces

    def to_the_end(self) -> Written:
        for _ in self:
            pass
        return self.written


def write(
    asked: Asked, cancellation: Cancellation | None = None, on_progress: asking.Told | None = None
) -> Generator[str, None, Written]:
    """The summary in pieces as the model writes them, placeholders in them; saved, audited and returned at the end.

    Nothing happens before the first piece is asked for. Closing the generator, or ``cancellation``, stops the
    engine; that, too, is an audit entry, since somebody may have seen what was written so far.
    """
    deployment = current_deployment(asked.clinic)
    if deployment is None:
        raise NoModelDeployed("No model is deployed yet. Deploy one on the Models page.")
    started = time.monotonic()
    try:
        with admission.place(settings.VAR / "engine" / "queue", settings.ENGINE_QUEUE):
            completion = yield from _answer(deployment, asked, cancellation, on_progress)
    except (GeneratorExit, EngineCancelled):
        with transaction.atomic():
            _log(asked, "cancel_summary", deployment.artifact, deployment)
        raise
    if asked.prompt.json_schema and asked.style in STYLES:
        check_json(completion.text)
    summary = _save(asked, deployment, completion, time.monotonic() - started)
    shadows.consider(summary=summary, asked=asked)
    return Written(summary, completion.text, asked.source, asked.originals, completion)


def _answer(
    deployment: Deployment,
    asked: Asked,
    cancellation: Cancellation | None,
    on_progress: asking.Told | None,
) -> Generator[str, None, Completion]:
    return (
        yield from asking.stream(
            engine_client(),
            deployment.artifact.sha256,
            asked.prompt,
            source=asked.source,
            section=asked.section or style_of(asked.style).section,
            context_tokens=read_at_once(deployment.artifact),
            cancellation=cancellation,
            on_progress=on_progress,
        )
    )


@transaction.atomic
def _save(asked: Asked, deployment: Deployment, completion: Completion, seconds: float) -> Summary:
    summary = Summary(
        uuid=asked.uuid,
        clinic=asked.clinic,
        deployment=deployment,
        author=asked.user,
        api_token=asked.token,
        scrubbed_text=asked.scrubbed_text,
        source_seal=seal(derive("prompts"), asked.source),
        section=asked.section,
        style=asked.style,
        is_cut_off=completion.finish_reason == "length",
        seconds=seconds,
        generated_tokens=completion.generated_tokens,
    )
    data = json.dumps([asked.source, completion.text]).encode()
    summary.blob = vault.encrypt(asked.clinic.wrapped_key, f"summary:{summary.uuid}", data)
    summary.save(force_insert=True)
    _log(asked, "summarize", summary, deployment)
    return summary


def _log(asked: Asked, action: str, subject: Any, deployment: Deployment) -> None:
    log.record(
        clinic=asked.clinic,
        actor=asked.user or (asked.token.created_by if asked.token else None),
        action=action,
        subject=subject,
        artifact=str(deployment.artifact.uuid),
        token=str(asked.token.uuid) if asked.token else "",
    )
