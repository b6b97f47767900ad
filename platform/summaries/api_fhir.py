"""FHIR at the endpoint: a document of the clinic's records system in, its summary as a Composition out."""

import json
from typing import Any

from django.http import HttpRequest, HttpResponse
from ninja import Query, Router

from accounts.models import Scope
from privacy.placeholders import restore
from summaries import fhir, questions, services, sse
from summaries.api_auth import TokenAuth, token_of
from summaries.api_schemas import PROBLEMS, Wanted, shown_originals

MEDIA_TYPE = "application/fhir+json"
router = Router(auth=TokenAuth(Scope.SUMMARIZE), tags=["fhir"])

_RESOURCE = {
    "type": "object",
    "required": ["resourceType"],
    "properties": {"resourceType": {"type": "string"}},
}
_BODY = {
    "requestBody": {"required": True, "content": {MEDIA_TYPE: {"schema": _RESOURCE}}},
    "responses": {200: {"description": "A Composition", "content": {MEDIA_TYPE: {"schema": _RESOURCE}}}},
}


@router.post("/summarize", response={200: None, **PROBLEMS}, url_name="fhir", openapi_extra=_BODY)
def summarize(request: HttpRequest, wanted: Query[Wanted]) -> HttpResponse:
    """Summarize a DocumentReference, or a Bundle with one, R4 or R5: a preliminary R4 Composition comes back."""
    token, style = token_of(request), wanted.the_style()
    asked = questions.asked_of_text(
        clinic=token.clinic,
        text=fhir.text_of(request.body),
        section=wanted.section,
        style=style,
        reading_grade=wanted.reading_grade,
        token=token,
    )
    with sse.until_hang_up(request) as cancellation:
        written = services.Writing(asked, cancellation).to_the_end()
    composition: dict[str, Any] = fhir.composition(
        summary=written.summary,
        text=restore(written.text, shown_originals(token, asked)),
        clinic=token.clinic.name,
        written_at=written.summary.created_at,
        subject=fhir.subject_of(json.loads(request.body)) if token.may(Scope.REAL_VALUES) else None,
    )
    body = json.dumps(composition, ensure_ascii=False)
    return HttpResponse(body, content_type=MEDIA_TYPE, headers={"Cache-Control": "no-store"})
