"""Every URL × every role × another clinic's rows. A new URL without a rule fails here."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.test import Client
from django.urls import URLPattern, get_resolver, reverse

from accounts.access import ALLOWED, Action
from accounts.models import Role, User
from audit import staff
from audit.models import AuditEntry
from records.models import Dataset, DatasetProposal, Record, Upload
from summaries.models import Deployment, Shadow, Summary
from training.models import ModelArtifact, Sweep, TrainingRun

pytestmark = pytest.mark.django_db

PUBLIC = {"accounts:sign_in", "accounts:sign_out"}
# Answered by token, not by session: tests/summaries/test_api*.py hold their rules.
BY_TOKEN = {
    *(
        "api:summaries",
        "api:summary",
        "api:explanations",
        "api:batches",
        "api:batch",
        "api:fhir",
        "api:health",
        "api:api-root",
    ),
    *("openai:models", "openai:chat", "openai:completions", "openai:api-root"),
}


def patterns(resolver: Any = None, namespace: str = "") -> Iterator[tuple[str, URLPattern]]:
    for entry in (resolver or get_resolver()).url_patterns:
        if isinstance(entry, URLPattern):
            yield f"{namespace}:{entry.name}", entry
        else:
            yield from patterns(entry, entry.namespace or namespace)


GUARDED = {name: entry for name, entry in patterns() if name not in PUBLIC | BY_TOKEN}
WITH_ROW = {name: entry for name, entry in GUARDED.items() if "uuid" in entry.pattern.converters}


def action_of(name: str) -> Action:
    return GUARDED[name].callback.required_action  # type: ignore[attr-defined,no-any-return]


def url_of(name: str, uuid: Any = "00000000-0000-4000-8000-000000000000") -> str:
    return reverse(name, kwargs=dict.fromkeys(GUARDED[name].pattern.converters, uuid))


def ask(client: Client, url: str) -> int:
    """The status of a GET or, where only POST is taken, of a POST."""
    status = client.get(url).status_code
    return client.post(url).status_code if status == 405 else status


@pytest.fixture
def everyone(alice: User, clerk: User, officer: User, clinician: User) -> dict[str, User]:
    return {user.membership.role: user for user in (alice, clerk, officer, clinician)}


@pytest.fixture
def bobs(bob: User) -> dict[str, Any]:
    """One row of each kind that a URL can name, in Bob's clinic; the part of the URL's name tells the kind."""
    clinic = bob.membership.clinic
    upload = Upload.objects.create(clinic=clinic, uploader=bob, suffix=".txt")
    record = Record.objects.create(
        clinic=clinic, upload=upload, number=1, patient_key="p" * 64, fingerprint="f" * 64, status="scrubbed"
    )
    dataset = Dataset.objects.create(
        clinic=clinic,
        name="d",
        content_hash="0" * 64,
        seed=1,
        train_count=1,
        valid_count=1,
        test_count=1,
        attestation="a test",
        frozen_by=bob,
    )
    proposal = DatasetProposal.objects.create(
        clinic=clinic,
        name="p",
        content_hash="0" * 64,
        sample_seed="0" * 64,
        seed=1,
        text_count=0,
        proposed_by=bob,
    )
    run = TrainingRun.objects.create(
        clinic=clinic, name="r", dataset=dataset, base="smollm2-135m", started_by=bob
    )
    sweep = Sweep.objects.create(
        clinic=clinic, name="s", dataset=dataset, base="smollm2-135m", started_by=bob
    )
    stage = run.stages.create(number=0, name="prepare")
    artifact = ModelArtifact.objects.create(
        clinic=clinic, name="m", kind="gguf", stage=stage, path="x", sha256="1" * 64, bytes=1
    )
    deployment = Deployment.objects.create(clinic=clinic, artifact=artifact, deployed_by=bob)
    summary = Summary.objects.create(
        clinic=clinic,
        deployment=deployment,
        author=bob,
        blob=b"x",
        source_seal="0" * 64,
        seconds=1,
        generated_tokens=1,
    )
    shadow = Shadow.objects.create(
        clinic=clinic, artifact=artifact, deployment=deployment, percent=20, started_by=bob
    )
    token, _ = staff.issue_token(clinic=clinic, name="t", by=bob)
    return {
        "records:upload": upload,
        "records:review": record,
        "records:record": record,
        "dashboard:lineage": record,
        "dashboard:erase": record,
        "records:dataset": dataset,
        "records:proposal": proposal,
        "training:run": run,
        "training:sizes": run,
        "training:start_smaller": run,
        "training:sweep": sweep,
        "training:cancel_sweep": sweep,
        "training:keep_run": sweep,
        "training:cancel_run": run,
        "training:retry_run": run,
        "training:artifact": artifact,
        "summaries:summary": summary,
        "summaries:deploy": artifact,
        "summaries:bundle": artifact,
        "summaries:shadow_start": artifact,
        "summaries:shadow_end": shadow,
        "summaries:shadow_corrections": shadow,
        "audit:deactivate_member": bob,
        "audit:revoke_token": token,
    }


def test_every_url_has_a_rule() -> None:
    without = [name for name, entry in GUARDED.items() if not hasattr(entry.callback, "required_action")]
    assert without == []


@pytest.mark.parametrize("name", GUARDED)
def test_nobody_gets_in_without_signing_in(name: str) -> None:
    response = Client().get(url_of(name))
    assert response.status_code == 302
    assert response["Location"].startswith(reverse("accounts:sign_in"))


@pytest.mark.parametrize("name", GUARDED)
def test_a_role_without_the_right_is_refused_and_written_down(
    name: str, everyone: dict[str, User], client_for: Callable[[User], Client]
) -> None:
    for role, user in everyone.items():
        if action_of(name) in ALLOWED[role]:
            continue
        before = AuditEntry.objects.filter(actor=user, outcome="DENY").count()
        assert client_for(user).get(url_of(name)).status_code == 403
        assert AuditEntry.objects.filter(actor=user, outcome="DENY").count() == before + 1


@pytest.mark.parametrize("name", WITH_ROW)
def test_another_clinic_s_row_is_not_found_and_the_attempt_is_written_down(
    name: str, everyone: dict[str, User], bobs: dict[str, Any], client_for: Callable[[User], Client]
) -> None:
    row = next(row for prefix, row in bobs.items() if name.startswith(prefix))
    for role, user in everyone.items():
        if action_of(name) not in ALLOWED[role]:
            continue
        assert ask(client_for(user), url_of(name, row.uuid)) == 404
        denied = AuditEntry.objects.filter(actor=user, outcome="DENY", facts__wanted=str(row.uuid))
        assert denied.exists()


def test_another_clinic_s_model_is_not_compared_with(
    everyone: dict[str, User], bobs: dict[str, Any], client_for: Callable[[User], Client]
) -> None:
    """The one page that is asked for a second row by a parameter."""
    theirs, name = bobs["training:artifact"], "training:artifact_compare"
    own = ModelArtifact.objects.create(
        clinic=everyone[Role.ADMIN].membership.clinic,
        name="own",
        kind="gguf",
        stage=theirs.stage,
        path="y",
        sha256="2" * 64,
        bytes=1,
    )
    for role, user in everyone.items():
        if action_of(name) not in ALLOWED[role]:
            continue
        response = client_for(user).get(url_of(name, own.uuid), {"with": str(theirs.uuid)})
        assert response.status_code == 404
        assert AuditEntry.objects.filter(actor=user, outcome="DENY").exists()


def test_each_role_may_do_something_and_only_the_administrator_everything() -> None:
    assert set(ALLOWED) == set(Role.values)
    assert [role for role, actions in ALLOWED.items() if actions == frozenset(Action)] == [Role.ADMIN]
