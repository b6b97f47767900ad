"""Deployments and summaries: which model answers for a clinic, and the one path from a text to its summary."""

import json
import re
import time
from collections.abc import Generator, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any
from uuid import UUID, uuid4

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from accounts.models import ApiToken, Clinic, User
from audit import log
from config import vault
from config.keys import derive
from jobs import catalogue
from jobs.rundir import file_sha256, write_json_atomic
from privacy.engine import ScrubError
from privacy.operators import Operator
from privacy.placeholders import Replacement, replace, restore
from privacy.seal import is_intact, seal
from records import store
from records.models import Record, ScrubbedText
from records.services.review import latest_text
from records.services.scrubbing import find_spans, harmless, says_the_same, standing_spans
from summaries import admission, asking
from summaries.engine import Cancellation, Completion, EngineCancelled, EngineClient, Prompt
from summaries.models import Deployment, Summary
from summaries.styles import DEFAULT, STYLES, Style, style_of
from training.models import ModelArtifact
from training.options import RunOptions
from training.services.erasure import is_revoked
from training.services.memory import memory_of
from training.services.plan import artifact_path

MAX_CONTEXT_TOKENS, LEAST_CONTEXT_TOKENS = 4096, 1024
MAX_SOURCE_CHARACTERS = 40_000
MAX_SECTION_CHARACTERS = 60
# JSON can spell it, and UTF-8 cannot.
_HALF_A_CHARACTER = re.compile(r"[\ud800-\udfff]")


class NotDeployable(Exception):
    """The artifact cannot be served; the message says why."""


class NoModelDeployed(Exception):
    """The clinic has no deployed model yet."""


class TextRefused(Exception):
    """The text is empty, too long, or could not be scrubbed; the message says what to do and quotes nothing."""


class MalformedAnswer(Exception):
    """A style promises JSON, and the model's answer is none."""


@dataclass(frozen=True)
class Asked:
    """Who wants a summary of what. What the model is told, ``source`` and ``prompt``, is scrubbed.

    ``originals`` stands beside it for whoever asks and is never stored.
    """

    clinic: Clinic
    source: str
    prompt: Prompt
    originals: dict[str, str] = field(repr=False)
    section: str = ""
    style: str = ""
    user: User | None = None
    token: ApiToken | None = None
    scrubbed_text: ScrubbedText | None = None
    uuid: UUID = field(default_factory=uuid4)
    """The summary's, known before it is written."""


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


class EngineState(StrEnum):
    """Whether a summary can be had just now."""

    OK = "ok"
    STARTING = "starting"
    NO_MODEL = "no model"


def engine_state(deployments: Iterable[Deployment]) -> EngineState:
    """OK when every one of ``deployments`` is being served. Asks the engine, 2 s at most for each."""
    wanted = {deployment.artifact.sha256 for deployment in deployments}
    if not wanted:
        return EngineState.NO_MODEL
    health = EngineClient(settings.VAR).health()
    return EngineState.OK if all(health.get(sha256) == "ready" for sha256 in wanted) else EngineState.STARTING


def current_deployment(clinic: Clinic) -> Deployment | None:
    return Deployment.objects.select_related("artifact").filter(clinic=clinic, closed_at=None).first()


def deploy(*, artifact: ModelArtifact, user: User) -> Deployment:
    """Serve ``artifact`` from now on. The engine swaps without dropping a request. Raises ``NotDeployable``."""
    if artifact.kind != ModelArtifact.Kind.GGUF:
        raise NotDeployable("Only GGUF files can be served. Choose the quantized artifact of this run.")
    if is_revoked(artifact):
        raise NotDeployable(
            "It learned from a record that was erased. Train a new model, without that record."
        )
    _check_memory(artifact, user)
    path = artifact_path(artifact)
    if not path.exists() or file_sha256(path) != artifact.sha256:
        raise NotDeployable("The file is missing or is not the one that was evaluated. Train again.")
    with transaction.atomic():
        Clinic.objects.select_for_update().get(pk=artifact.clinic_id)
        Deployment.objects.filter(clinic=artifact.clinic, closed_at=None).update(closed_at=timezone.now())
        deployment = Deployment.objects.create(clinic=artifact.clinic, artifact=artifact, deployed_by=user)
        log.record(
            clinic=artifact.clinic, actor=user, action="deploy", subject=artifact, sha256=artifact.sha256
        )
        transaction.on_commit(point_engine)
    return deployment


def _check_memory(artifact: ModelArtifact, user: User) -> None:
    """Raises ``NotDeployable`` for a model that gives away what it learned, or may yet be found to; audited."""
    refusal = memory_of(artifact.stage.run).refusal
    if not refusal:
        return
    with transaction.atomic():
        log.record(
            clinic=artifact.clinic,
            actor=user,
            action="deploy",
            subject=artifact,
            outcome="DENY",
            reason="memory test",
        )
    raise NotDeployable(refusal)


def stand_down(*, clinic: Clinic, user: User) -> Deployment | None:
    """Take the deployed model out of service; the newest one before it that may be served answers instead.

    Returns its deployment; None where no model answers from now on. Needs the caller's transaction.
    """
    closing = current_deployment(clinic)
    earlier = Deployment.objects.filter(clinic=clinic).select_related("artifact__clinic")
    for deployment in earlier.exclude(artifact=closing.artifact) if closing else ():
        with suppress(NotDeployable):
            return deploy(artifact=deployment.artifact, user=user)
    if closing:
        Deployment.objects.filter(pk=closing.pk).update(closed_at=timezone.now())
        log.record(clinic=clinic, actor=user, action="stand_down", subject=closing.artifact)
        transaction.on_commit(point_engine)
    return None


def point_engine() -> None:
    """Tell the engine which files to serve: those of all open deployments, by one renamed file."""
    folder = settings.VAR / "engine"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    artifacts = ModelArtifact.objects.filter(
        deployments__closed_at=None, deployments__isnull=False
    ).distinct()
    models = [
        {
            "sha256": artifact.sha256,
            "path": str(artifact_path(artifact)),
            "context_tokens": context_tokens(artifact.stage.run.base),
        }
        for artifact in artifacts.select_related("stage__run")
    ]
    write_json_atomic(folder / "deployed.json", {"models": models})


def context_tokens(base: str) -> int:
    """Tokens of prompt and summary together that one request may take."""
    try:
        tokens = catalogue.installed(base, settings.MODELS_DIR).context_tokens
    except catalogue.NotFetched:
        # The base's weights may be deleted once a model was made of them.
        tokens = catalogue.BASES[base].context_tokens if base in catalogue.BASES else LEAST_CONTEXT_TOKENS
    return min(MAX_CONTEXT_TOKENS, tokens)


def read_at_once(artifact: ModelArtifact) -> int:
    """Tokens of record and summary that the model was trained on together; a longer record it reads in pieces."""
    run = artifact.stage.run
    return min(context_tokens(run.base), RunOptions.from_json(run.options).max_tokens)


def summarize_text(
    *,
    clinic: Clinic,
    text: str,
    section: str = "",
    style: Style = DEFAULT,
    user: User | None = None,
    token: ApiToken | None = None,
) -> Written:
    """Summarize a text that came by paste or API. It is scrubbed first, always; the model sees placeholders only.

    Raises ``TextRefused``, ``NoModelDeployed``, ``QueueFull`` and the engine's exceptions.
    """
    asked = asked_of_text(clinic=clinic, text=text, section=section, style=style, user=user, token=token)
    return Writing(asked).to_the_end()


def asked_of_text(
    *,
    clinic: Clinic,
    text: str,
    section: str = "",
    style: Style = DEFAULT,
    reading_grade: int | None = None,
    user: User | None = None,
    token: ApiToken | None = None,
) -> Asked:
    """The scrubbed question about a text. Raises ``TextRefused``."""
    replacement = scrub_text(text)
    section = harmless_section(section)
    source = replacement.texts[0]
    prompt = style.prompt(source, section, reading_grade)
    return Asked(clinic, source, prompt, replacement.originals, section, style.name, user, token)


def harmless_section(section: str) -> str:
    """A section is free text too; the same rule as for the sections of records that the model was trained on."""
    return harmless(section.strip()[:MAX_SECTION_CHARACTERS])


def summarize_record(*, record: Record, user: User, section: str = "", style: Style = DEFAULT) -> Written:
    """Summarize a record of the clinic from its newest scrubbed version."""
    asked = asked_of_record(record=record, user=user, section=section, style=style)
    return Writing(asked).to_the_end()


def asked_of_record(*, record: Record, user: User, section: str = "", style: Style = DEFAULT) -> Asked:
    scrubbed = latest_text(record)
    try:
        original = store.load_original(record)
    except store.OriginalGone:
        # The real values are gone with it: the summary is shown with its placeholders.
        replacement = _with_placeholders(scrubbed)
    else:
        replacement = _from_original(record, original, store.open_scrubbed(scrubbed))
    section = harmless_section(section or record.section)
    source = replacement.texts[0]
    prompt = style.prompt(source, section)
    return Asked(
        record.clinic, source, prompt, replacement.originals, section, style.name, user, None, scrubbed
    )


def _from_original(record: Record, original: store.Texts, scrubbed: store.Texts) -> Replacement:
    """Placeholders whatever the clinic's operator: only they can be turned back for the clinician (ADR 12)."""
    spans = standing_spans(list(record.redactions.all()))
    if not says_the_same(original.source, spans[0], scrubbed.source):
        raise TextRefused("The record's redactions changed since it was scrubbed. Have it reviewed again.")
    return replace((original.source, original.target), spans)


def _with_placeholders(scrubbed: ScrubbedText) -> Replacement:
    """The scrubbed text as it is; surrogates are replaced too, so that nobody takes made-up words for real ones."""
    texts = store.open_scrubbed(scrubbed)
    if scrubbed.operator != Operator.SURROGATE:
        return Replacement((texts.source, texts.target), {}, ((), ()))
    return Replacement(scrub_text(texts.source).texts, {}, ((),))


def scrub_text(text: str) -> Replacement:
    if not text.strip():
        raise TextRefused("There is no text. Paste a record first.")
    return scrub_texts([text])


def scrub_texts(texts: list[str]) -> Replacement:
    """One numbering of placeholders over all ``texts``. Raises ``TextRefused``."""
    if sum(map(len, texts)) > MAX_SOURCE_CHARACTERS:
        raise TextRefused(
            f"The text is longer than {MAX_SOURCE_CHARACTERS:,} characters. Summarize it in parts."
        )
    if _HALF_A_CHARACTER.search("".join(texts)):
        raise TextRefused("The text holds half a character (a lone surrogate). Send it as UTF-8.")
    try:
        return replace(texts, [find_spans(text) for text in texts])
    except ScrubError as error:
        raise TextRefused(
            "The text could not be scrubbed, so it was not summarized. Tell your administrator."
        ) from error


def open_summary(*, summary: Summary, user: User) -> tuple[str, str]:
    """The scrubbed source and the summary's text; each look is an audit entry."""
    with transaction.atomic():
        log.record(clinic=summary.clinic, actor=user, action="view_summary", subject=summary)
    return _opened(summary)


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
    return {summary.uuid: _opened(summary) for summary in summaries}


def _opened(summary: Summary) -> tuple[str, str]:
    blob = vault.decrypt(summary.clinic.wrapped_key, f"summary:{summary.uuid}", summary.blob)
    source, text = json.loads(blob)
    # Summaries of before there were seals have none.
    if summary.source_seal and not is_intact(derive("prompts"), summary.source_seal, source):
        raise store.SealBroken(summary.uuid)
    return source, text


class Writing:
    """``write`` as a plain iterator of pieces, with what it returns in ``written`` once it is through."""

    written: Written

    def __init__(self, asked: Asked, cancellation: Cancellation | None = None) -> None:
        self._pieces = write(asked, cancellation)

    def __iter__(self) -> Iterator[str]:
        self.written = yield from self._pieces

    def to_the_end(self) -> Written:
        for _ in self:
            pass
        return self.written


def write(asked: Asked, cancellation: Cancellation | None = None) -> Generator[str, None, Written]:
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
            completion = yield from _answer(deployment, asked, cancellation)
    except (GeneratorExit, EngineCancelled):
        with transaction.atomic():
            _log(asked, "cancel_summary", deployment.artifact, deployment)
        raise
    if asked.prompt.json_schema and asked.style in STYLES:
        _check_json(completion.text)
    summary = _save(asked, deployment, completion, time.monotonic() - started)
    return Written(summary, completion.text, asked.source, asked.originals, completion)


def _answer(
    deployment: Deployment, asked: Asked, cancellation: Cancellation | None
) -> Generator[str, None, Completion]:
    return (
        yield from asking.stream(
            EngineClient(settings.VAR),
            deployment.artifact.sha256,
            asked.prompt,
            source=asked.source,
            section=asked.section or style_of(asked.style).section,
            context_tokens=read_at_once(deployment.artifact),
            cancellation=cancellation,
        )
    )


def _check_json(text: str) -> None:
    try:
        json.loads(text)
    except ValueError:
        raise MalformedAnswer("The model's answer broke off before it was whole.") from None


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
