"""Deployments: which model answers for a clinic, and where the engine finds it."""

from collections.abc import Iterable
from contextlib import suppress
from enum import StrEnum
from typing import Any, NoReturn

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from accounts.models import Clinic, User
from audit import log
from jobs import adapters, catalogue
from jobs.rundir import file_sha256, write_json_atomic
from summaries.engine import LOCKED, NOT_SERVED, READY, EngineClient, served_name
from summaries.models import Deployment, Shadow, ShadowAnswer
from training.models import ModelArtifact
from training.options import RunOptions
from training.services import grounded, smaller
from training.services.folders import artifact_path
from training.services.memory import memory_of
from training.services.revoked import is_revoked

MAX_CONTEXT_TOKENS, LEAST_CONTEXT_TOKENS = 4096, 1024


class NotDeployable(Exception):
    """The artifact cannot be served; the message says why."""


class EngineState(StrEnum):
    """Whether a summary can be had just now."""

    OK = "ok"
    STARTING = "starting"
    NO_MODEL = "no model"
    NOT_SERVED = "not served"
    """The engine elsewhere in the clinic does not have it."""


def engine_client() -> EngineClient:
    """Of our own engine, or of the one elsewhere in the clinic that the settings name."""
    if settings.ENGINE_URL:
        return EngineClient.outside(settings.ENGINE_URL, settings.ENGINE_KEY)
    return EngineClient(settings.VAR)


def explainer_client() -> EngineClient:
    """Of the larger model that the settings name, or of what writes the summaries."""
    if settings.EXPLAINER_URL:
        return EngineClient.outside(
            settings.EXPLAINER_URL, settings.EXPLAINER_KEY, model=settings.EXPLAINER_MODEL
        )
    return engine_client()


def engine_state(deployments: Iterable[Deployment]) -> EngineState:
    """OK when every one of ``deployments`` is being served. Asks the engine, 2 s at most for each."""
    wanted = {deployment.artifact.sha256 for deployment in deployments}
    if not wanted:
        return EngineState.NO_MODEL
    client = engine_client()
    states = {client.state(sha256) for sha256 in wanted}
    if states == {READY}:
        return EngineState.OK
    return EngineState.NOT_SERVED if NOT_SERVED in states else EngineState.STARTING


def current_deployment(clinic: Clinic) -> Deployment | None:
    return Deployment.objects.select_related("artifact").filter(clinic=clinic, closed_at=None).first()


def check_servable(artifact: ModelArtifact, user: User, action: str) -> None:
    """Raises ``NotDeployable`` for what may not answer, be it shown or beside; a failed memory test, too
    much invented, or a loss by being made smaller, is audited."""
    if artifact.kind != ModelArtifact.Kind.GGUF:
        raise NotDeployable("Only GGUF files can be served. Choose the quantized artifact of this run.")
    if is_revoked(artifact):
        raise NotDeployable(
            "It learned from a record that was erased. Train a new model, without that record."
        )
    _check_memory(artifact, user, action)
    _check_grounding(artifact, user, action)
    _check_loss(artifact, user, action)
    path = artifact_path(artifact)
    if not path.exists() or file_sha256(path) != artifact.sha256:
        raise NotDeployable("The file is missing or is not the one that was evaluated. Train again.")
    if artifact.shares_base:
        _check_base(artifact)


def _check_base(artifact: ModelArtifact) -> None:
    """Raises ``NotDeployable`` where the base's file is not the one that the adapter was checked and scored on."""
    name = artifact.stage.run.base
    base = catalogue.gguf_of(name, settings.MODELS_DIR)
    if not base.is_file() or file_sha256(base) != adapters.base_sha256(artifact_path(artifact)):
        raise NotDeployable(
            f"The file of the base {name} is missing or is not the one that this adapter was scored on. Fetch it again "
            f"(manage.py fetch_model {name}), or deploy a whole file of this run."
        )


def check_served(artifact: ModelArtifact) -> None:
    """Raises ``NotDeployable`` where the engine elsewhere in the clinic does not have the model. Ours fetches it."""
    if not settings.ENGINE_URL:
        return
    client, name = engine_client(), served_name(artifact.sha256)
    state = client.state(artifact.sha256)
    if state == LOCKED:
        raise NotDeployable(
            "The engine refuses our key. Set PRECIS_ENGINE_KEY to the one it was started with."
        )
    if state == NOT_SERVED:
        raise NotDeployable(
            f"The engine at {settings.ENGINE_URL} does not serve this model. Start it with this file under the name "
            f"{name} (vLLM: --served-model-name {name}, llama-server: --alias {name}), then deploy again."
        )
    if state != READY:
        raise NotDeployable(
            f"The engine at {settings.ENGINE_URL} does not answer. Start it with this file under the name {name}, "
            "then deploy again."
        )
    reads, needed = client.context_tokens(artifact.sha256), read_at_once(artifact)
    if reads is not None and reads < needed:
        raise NotDeployable(
            f"The engine reads {reads} tokens at once, and long records come in pieces of up to {needed}. Start it "
            f"with more (vLLM: --max-model-len {needed}, llama-server: --ctx-size, {needed} for each of --parallel)."
        )


def deploy(*, artifact: ModelArtifact, user: User) -> Deployment:
    """Serve ``artifact`` from now on. The engine swaps without dropping a request. Raises ``NotDeployable``.

    A shadow beside the model before it ends: nobody writes what it was held against any more.
    """
    check_servable(artifact, user, "deploy")
    check_served(artifact)
    return _open(artifact, user)


@transaction.atomic
def _open(artifact: ModelArtifact, user: User) -> Deployment:
    Clinic.objects.select_for_update().get(pk=artifact.clinic_id)
    Deployment.objects.filter(clinic=artifact.clinic, closed_at=None).update(closed_at=timezone.now())
    deployment = Deployment.objects.create(clinic=artifact.clinic, artifact=artifact, deployed_by=user)
    log.record(clinic=artifact.clinic, actor=user, action="deploy", subject=artifact, sha256=artifact.sha256)
    end_shadow(clinic=artifact.clinic, user=user)
    transaction.on_commit(point_engine)
    return deployment


def end_shadow(*, clinic: Clinic, user: User) -> Shadow | None:
    """The open shadow asks no more; what it answered is kept. Needs the caller's transaction."""
    shadow = Shadow.objects.select_related("artifact").filter(clinic=clinic, ended_at=None).first()
    if shadow is None:
        return None
    Shadow.objects.filter(pk=shadow.pk).update(ended_at=timezone.now())
    waiting = shadow.answers.filter(status__in=(ShadowAnswer.Status.QUEUED, ShadowAnswer.Status.RUNNING))
    waiting.update(status=ShadowAnswer.Status.CANCELLED, blob=b"", lease_expires_at=None)
    log.record(clinic=clinic, actor=user, action="end_shadow", subject=shadow.artifact)
    transaction.on_commit(point_engine)
    return shadow


def previous_artifact(deployment: Deployment) -> ModelArtifact | None:
    """The model that answered right before this deployment's."""
    earlier = Deployment.objects.filter(clinic=deployment.clinic_id, opened_at__lt=deployment.opened_at)
    before = earlier.exclude(artifact=deployment.artifact_id).select_related("artifact__clinic").first()
    return before.artifact if before else None


def roll_back(*, clinic: Clinic, user: User) -> Deployment:
    """Serve the model before the deployed one again, if it still may be. Raises ``NotDeployable``."""
    closing = current_deployment(clinic)
    artifact = previous_artifact(closing) if closing else None
    if closing is None or artifact is None:
        raise NotDeployable("No other model answered before this one. Deploy one on the Models page.")
    try:
        check_servable(artifact, user, "roll_back")
        check_served(artifact)
    except NotDeployable as error:
        raise NotDeployable(f"{artifact.name} cannot answer again. {error}") from None
    with transaction.atomic():
        log.record(clinic=clinic, actor=user, action="roll_back", subject=closing.artifact)
        return _open(artifact, user)


def _check_memory(artifact: ModelArtifact, user: User, action: str) -> None:
    """Raises ``NotDeployable`` for a model that gives away what it learned, or may yet be found to; audited."""
    if refusal := memory_of(artifact.stage.run).refusal:
        _refuse(artifact, user, action, "memory test", refusal)


def _check_grounding(artifact: ModelArtifact, user: User, action: str) -> None:
    """Raises ``NotDeployable`` for a model that surely invents more than its run allows; audited."""
    if refusal := grounded.refusal_of(artifact.stage.run):
        _refuse(artifact, user, action, "invents too much", refusal)


def _check_loss(artifact: ModelArtifact, user: User, action: str) -> None:
    """Raises ``NotDeployable`` for a smaller model that lost too much by it; audited."""
    if refusal := smaller.refusal_of(artifact):
        _refuse(artifact, user, action, "lost too much", refusal)


def _refuse(artifact: ModelArtifact, user: User, action: str, reason: str, words: str) -> NoReturn:
    with transaction.atomic():
        log.record(
            clinic=artifact.clinic,
            actor=user,
            action=action,
            subject=artifact,
            outcome="DENY",
            reason=reason,
        )
    raise NotDeployable(words)


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
        end_shadow(clinic=clinic, user=user)
        transaction.on_commit(point_engine)
    return None


def point_engine() -> None:
    """Tell the engine which files to serve: those of all open deployments and shadows, by one renamed file."""
    folder = settings.VAR / "engine"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    deployed = Deployment.objects.filter(closed_at=None).values("artifact")
    shadows = Shadow.objects.filter(ended_at=None).values("artifact")
    artifacts = ModelArtifact.objects.filter(Q(pk__in=deployed) | Q(pk__in=shadows))
    models = []
    for artifact in artifacts.select_related("stage__run"):
        # An adapter whose file is gone is left out: its clinic sees it, and nobody else is kept from deploying.
        with suppress(OSError, ValueError, KeyError):
            models.append(_entry(artifact))
    write_json_atomic(folder / "deployed.json", {"models": models})


def _entry(artifact: ModelArtifact) -> dict[str, Any]:
    """In the form of ``jobs.deployed``."""
    path, base = artifact_path(artifact), artifact.stage.run.base
    entry = {
        "sha256": artifact.sha256,
        "path": str(path),
        "context_tokens": context_tokens(base),
    }
    if not artifact.shares_base:
        return entry
    shared = {
        "sha256": adapters.base_sha256(path),
        "path": str(catalogue.gguf_of(base, settings.MODELS_DIR)),
    }
    return {**entry, "base": shared, "chat_template": adapters.chat_template(path)}


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
