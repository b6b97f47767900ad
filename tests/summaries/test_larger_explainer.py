"""A larger model elsewhere in the clinic explains what the check flags, with a real server; the one that wrote is not asked."""

import io
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.management import call_command
from stub_engine import StubEngine
from written import summarize_text

from accounts.models import Clinic, User
from audit.models import AuditEntry
from summaries.engine import EngineUnavailable
from summaries.explaining import explain
from summaries.models import Summary
from tests.jobs.tiny_gguf import write_tiny_gguf
from tests.outside_server import KEY, outside_server

pytestmark = pytest.mark.slow

NAME = "llama-3.1-8b-instruct"
PASTED = "Patient: I take metoprolol 25 mg twice a day."
WRONG_DOSE = "The patient takes metoprolol 250 mg twice a day."


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    model = write_tiny_gguf(tmp_path_factory.mktemp("larger") / "model.gguf", seed=1)
    with outside_server(model, NAME) as running:
        yield running.url


@pytest.fixture
def draft(engine: StubEngine, clinic: Clinic, clinician: User) -> Summary:
    engine.answer = WRONG_DOSE
    return summarize_text(clinic=clinic, text=PASTED, user=clinician).summary


def test_the_larger_model_is_asked_and_the_log_tells_which(
    draft: Summary, engine: StubEngine, clinician: User, server: str, settings: Any
) -> None:
    settings.EXPLAINER_URL, settings.EXPLAINER_KEY, settings.EXPLAINER_MODEL = server, KEY, NAME
    found = explain(summary=draft, number=1, user=clinician)
    assert found.explanation.kind in {"number", "contradicted", "supported", None}, "held to the schema"
    assert found.rewrite == WRONG_DOSE.replace("250", "25")
    assert len(engine.received) == 1, "the summary itself"
    assert AuditEntry.objects.get(action="explain_sentence").facts["explainer"] == NAME


@pytest.mark.parametrize(
    ("url", "model", "state"),
    [(None, "another", "does not serve this model"), ("http://127.0.0.1:1", NAME, "not answering")],
)
def test_where_it_is_not_there_no_smaller_one_takes_its_place(
    draft: Summary,
    engine: StubEngine,
    clinician: User,
    server: str,
    settings: Any,
    url: str | None,
    model: str,
    state: str,
) -> None:
    settings.EXPLAINER_URL, settings.EXPLAINER_KEY, settings.EXPLAINER_MODEL = url or server, KEY, model
    with pytest.raises(EngineUnavailable):
        explain(summary=draft, number=1, user=clinician)
    assert len(engine.received) == 1
    told = io.StringIO()
    call_command("doctor", stdout=told)
    assert f"{model} at {settings.EXPLAINER_URL}: {state}" in told.getvalue()
