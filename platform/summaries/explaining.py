"""A flagged sentence explained by the deployed model or a larger one, when somebody asks; never while the summary is written.

The detector has the last word: an explanation that contradicts it is not shown, and noted for its next training; a rewrite
is offered only where it finds nothing wrong with it.
"""

from dataclasses import dataclass

from django.conf import settings
from django.db import transaction

from accounts.models import ApiToken, User
from audit import log
from grounding import explaining, filtering, rewriting
from grounding.evidence import Record
from grounding.explaining import Flagged
from grounding.filtering import Explanation
from jobs.prompts import MARKER
from summaries import admission
from summaries.checking import CheckedSentence, check, flagged
from summaries.deployments import current_deployment, explainer_client
from summaries.engine import Prompt
from summaries.models import Deployment, Disagreement, Summary
from summaries.opening import opened
from summaries.reviewing import draft_of
from summaries.services import NoModelDeployed


class NotFlagged(Exception):
    """The check holds nothing against such a sentence. The message says what to do."""


@dataclass(frozen=True)
class Explained:
    """``number`` counts the text's sentences from 1; ``rewrite`` is None where the sentence is best left out.

    All of it is scrubbed, as the draft is. ``source`` is the record's text, ``by`` the larger model that was asked; empty for
    the one that wrote.
    """

    number: int
    sentence: CheckedSentence
    explanation: Explanation
    rewrite: str | None
    source: str
    by: str


def explain(
    *,
    summary: Summary,
    number: int,
    text: str | None = None,
    user: User | None = None,
    token: ApiToken | None = None,
) -> Explained:
    """Have sentence ``number`` explained, and put right where the check could not do it: of ``text``, which a person made
    of the draft, or of the draft where that is None.

    Raises ``NotFlagged``, ``NoModelDeployed``, ``QueueFull`` and the engine's exceptions.
    """
    deployment = current_deployment(summary.clinic)
    if deployment is None:
        raise NoModelDeployed("No model is deployed yet. Deploy one on the Models page.")
    draft = draft_of(summary)
    source, sentence, about = _flagged(summary, number, draft if text is None else text)
    with admission.place(settings.VAR / "engine" / "queue", settings.ENGINE_QUEUE):
        explanation = filtering.judge_explanation(
            _answer(
                deployment, explaining.messages(about), explaining.schema(about), explaining.MAX_NEW_TOKENS
            ),
            about,
        )
        rewrite = sentence.suggestion or _rewrite(deployment, about, source)
    explained = Explained(number, sentence, explanation, rewrite, source, settings.EXPLAINER_MODEL)
    _note(summary, explained, deployment, user, token, is_draft=text in (None, draft))
    return explained


def _flagged(summary: Summary, number: int, text: str) -> tuple[str, CheckedSentence, Flagged]:
    """The record, the sentence, and what the model is told of it; judged anew, as whenever it is shown."""
    source, _ = opened(summary)
    checked = check(source, text, is_whole=False)
    sentences = dict(enumerate(checked.sentences, start=1)) if checked else {}
    sentence = sentences.get(number)
    if checked is None or sentence is None or not sentence.verdict.is_flagged:
        raise NotFlagged("The check holds nothing against this sentence. Look at the summary again.")
    return source, sentence, flagged(sentence, checked.lines, source=source, text=text)


def _rewrite(deployment: Deployment, about: Flagged, source: str) -> str | None:
    if not about.evidence:
        return None  # There is nothing it could be written from.
    answer = _answer(deployment, rewriting.messages(about), rewriting.SCHEMA, rewriting.MAX_NEW_TOKENS)
    return rewriting.borne_out(answer, about, Record(source))


def _answer(
    deployment: Deployment, messages: list[dict[str, str]], schema: dict[str, object], max_new_tokens: int
) -> str:
    asked = [{**each, "content": MARKER.sub("< ", each["content"])} for each in messages]
    prompt = Prompt(asked, max_new_tokens, json_schema=schema)
    return "".join(explainer_client().stream(deployment.artifact.sha256, prompt))


@transaction.atomic
def _note(
    summary: Summary,
    explained: Explained,
    deployment: Deployment,
    user: User | None,
    token: ApiToken | None,
    *,
    is_draft: bool,
) -> None:
    """A disagreement is kept of the draft alone: of a text in the making nothing is left to find its sentence in."""
    explanation, sentence = explained.explanation, explained.sentence
    if is_draft and explanation.fault and explanation.fault.is_disagreement:
        facts = {
            "verdict": sentence.verdict,
            "category": sentence.category or "",
            "kind": explanation.kind or "",
            "fault": explanation.fault,
        }
        Disagreement.objects.update_or_create(summary=summary, sentence=explained.number, defaults=facts)
    log.record(
        clinic=summary.clinic,
        actor=user or (token.created_by if token else None),
        action="explain_sentence",
        subject=summary,
        artifact=str(deployment.artifact.uuid),
        token=str(token.uuid) if token else "",
        sentence=explained.number,
        kind=explanation.kind or "",
        fault=explanation.fault or "",
        rewritten=explained.rewrite is not None,
        explainer=explained.by,
    )
