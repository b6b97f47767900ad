"""What the OpenAPI documents allow, and what they do not, asked by schemathesis: never a server error, never a quote.

API_CASES=2000 python -m pytest -s tests/summaries/test_api_schema.py     (make fuzz)
"""

import os
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from django.core.signals import request_finished, request_started
from django.db import close_old_connections
from django.test import override_settings
from hypothesis import HealthCheck, Phase, given, settings
from ninja import NinjaAPI
from stub_engine import StubEngine

from accounts.models import ApiToken
from config.wsgi import application
from summaries.api import api
from summaries.openai_api import api as openai_api
from tests.summaries.conftest import IssueKey

CASES = int(os.environ.get("API_CASES", "300"))


@pytest.fixture
def kept_connection() -> Iterator[None]:
    """The end of a request does not close the connection, and with it the test's transaction; Client does the same."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


def operations(documented: NinjaAPI) -> Iterator[Any]:
    schema = schemathesis.openapi.from_dict(documented.get_openapi_schema())
    schema.app = application
    for found in schema.get_all_operations():
        yield found.ok()


KNOWN: dict[str, Any] = {
    "/v1/chat/completions": {"model": "precis"},
    "/v1/completions": {"model": "precis"},
    "/api/v1/fhir/summarize": {
        "resourceType": "DocumentReference",
        "content": [{"attachment": {"contentType": "text/plain", "data": "SGUgY291Z2hzLg=="}}],
    },
}
EVERY = [*operations(api), *operations(openai_api)]
ASKED = [
    (operation, mode)
    for operation in EVERY
    for mode in schemathesis.GenerationMode
    # There is only one request that has no parts, and nothing can be wrong with it.
    if any((*operation.path_parameters, *operation.query, *operation.headers, *operation.body))
]


def test_every_route_is_documented() -> None:
    assert {operation.label for operation in EVERY} >= {
        "POST /api/v1/summaries",
        "POST /api/v1/summaries/batches",
        "POST /api/v1/fhir/summarize",
        "POST /v1/chat/completions",
        "POST /v1/completions",
    }


@pytest.mark.usefixtures("kept_connection")
@pytest.mark.parametrize(
    ("operation", "mode"), [pytest.param(*asked, id=f"{asked[0].label}-{asked[1].value}") for asked in ASKED]
)
def test_no_request_ends_in_a_server_error(
    engine: StubEngine, issue_key: IssueKey, operation: Any, mode: Any
) -> None:
    key = issue_key(requests_per_minute=10_000)
    statuses: Counter[int] = Counter()

    @settings(
        max_examples=-(-CASES // len(ASKED)),
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def ask(case: Any) -> None:
        if mode is schemathesis.GenerationMode.POSITIVE and isinstance(case.body, dict):
            # Names and resources at random would all be turned away at the door.
            case.body |= KNOWN.get(operation.path, {})
        ApiToken.objects.update(spent_until=None)
        response = case.call(headers={"Authorization": f"Bearer {key}"})
        assert response.status_code < 500, (response.status_code, case.as_curl_command())
        assert response.headers["content-type"], "an answer says what it is"
        statuses[response.status_code] += 1

    with override_settings(ALLOWED_HOSTS=["*"]):
        ask()
    print(f"{operation.label}, {mode.value}: {dict(statuses)}")
    assert statuses
