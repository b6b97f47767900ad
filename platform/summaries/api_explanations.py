"""Why a sentence was flagged, for the clinic's other software: asked for one sentence at a time, never with the summary."""

from typing import Annotated
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from ninja import Field, Router, Schema
from pydantic import ConfigDict

from accounts.access import own_or_404
from accounts.models import Scope
from grounding.explaining import Kind
from summaries.api_auth import TokenAuth, token_of
from summaries.api_schemas import PROBLEMS
from summaries.explaining import explain
from summaries.models import Summary

router = Router(auth=TokenAuth(Scope.SUMMARIZE), tags=["summaries"])


class ExplanationIn(Schema):
    model_config = ConfigDict(extra="forbid")

    sentence: Annotated[
        int,
        Field(ge=1, le=10_000, description="Which of “grounding.sentences”, from 1. It must be flagged."),
    ]


class ExplanationOut(Schema):
    sentence: int
    needs_a_look: Annotated[
        bool,
        Field(
            description="What the model said contradicts the check, or cannot be relied on, and is left out."
        ),
    ]
    category: Annotated[Kind | None, Field(description="The kind of error, as the model calls it.")]
    explanation: Annotated[str | None, Field(description="One sentence by the model, with placeholders.")]
    suggestion: Annotated[
        str | None,
        Field(
            description="The sentence put right, from the record or by the model; the check finds nothing wrong with it. "
            "Null: it is best left out."
        ),
    ]


@router.post("/{uuid:uuid}/explanations", response={200: ExplanationOut, **PROBLEMS}, url_name="explanations")
def explain_sentence(
    request: HttpRequest, uuid: UUID, wanted: ExplanationIn, response: HttpResponse
) -> ExplanationOut:
    """Have the deployed model explain a flagged sentence of a summary that this key asked for."""
    token = token_of(request)
    fetched = Summary.objects.select_related("clinic").filter(api_token=token)
    summary = own_or_404(fetched, token.clinic, uuid)
    found = explain(summary=summary, number=wanted.sentence, token=token)
    response["Cache-Control"] = "no-store"
    kept = found.explanation if found.explanation.is_kept else None
    return ExplanationOut(
        sentence=found.number,
        needs_a_look=kept is None,
        category=kept.kind if kept else None,
        explanation=kept.text if kept else None,
        suggestion=found.rewrite,
    )
