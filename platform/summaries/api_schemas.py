"""What the endpoint takes and gives, as its OpenAPI document shows it."""

import json
from collections import Counter
from collections.abc import Mapping
from typing import Annotated, Any

from ninja import Field, Header, Schema
from pydantic import ConfigDict

from accounts.models import ApiToken, Scope
from grounding.detector import Verdict
from grounding.findings import Category
from grounding.omissions import Kind
from jobs.decoding import CAREFUL_DRAFTS
from privacy.placeholders import PLACEHOLDER, restore
from summaries import deployments, questions, reading
from summaries.api_errors import UnknownStyle
from summaries.checking import check
from summaries.models import Summary
from summaries.restoring import inside_json
from summaries.styles import DEFAULT_READING_GRADE, READING_GRADES, STYLES, Style, is_whole

IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=255,
        description="The same request with the same key within a day gets the same answer and writes nothing new.",
    ),
]
StyleName = Annotated[
    str,
    Field(
        json_schema_extra={"enum": list(STYLES)},
        description="How it is to be written; leave it out for the prompt that the model was trained with.",
    ),
]
Section = Annotated[
    str,
    Field(
        max_length=questions.MAX_SECTION_CHARACTERS,
        pattern=r"^[^\x00-\x1f\x7f]*$",
        description="The part of the note that is wanted, if one is.",
    ),
]
Grade = Annotated[
    int | None,
    Field(
        ge=READING_GRADES.start,
        le=READING_GRADES.stop - 1,
        description=f"For the style “patient-friendly”: the school grade to write for, {DEFAULT_READING_GRADE} "
        "unless said. The answer says which grade came out.",
    ),
]


class Wanted(Schema):
    model_config = ConfigDict(extra="forbid")

    section: Section = ""
    style: StyleName = ""
    reading_grade: Grade = None
    careful: Annotated[
        bool,
        Field(
            description=f"Write it {CAREFUL_DRAFTS} times and keep the draft that agrees best with the others and the "
            "record. Takes as many times as long, and a stream sends it in one piece. JSON is written once."
        ),
    ] = False

    def the_style(self) -> Style:
        """Raises ``UnknownStyle``, which unlike pydantic's message lists what there is."""
        try:
            return STYLES[self.style]
        except KeyError:
            raise UnknownStyle from None


class SummaryIn(Wanted):
    text: Annotated[str, Field(description="The record. It is scrubbed before the model sees it.")]
    stream: Annotated[
        bool,
        Field(
            description="Answer with server-sent events: “piece” ({text}) as the model writes, then “summary” (the "
            "whole answer) or “error” ({error, what_to_do})."
        ),
    ] = False


class SentenceOut(Schema):
    text: str
    verdict: Verdict
    probability: Annotated[
        float, Field(description="That the record does not bear the sentence out, 0 to 1.")
    ]
    category: Annotated[Category | None, Field(description="The kind of error, where there may be one.")]
    reason: Annotated[str, Field(description="For a person; empty where the sentence stands.")]
    evidence: Annotated[
        list[str], Field(description="What the record says of it, the likeliest place first.")
    ]
    suggestion: Annotated[
        str | None, Field(description="The sentence put right from the record, where that leaves no doubt.")
    ]


class OmissionOut(Schema):
    kind: Kind
    about: Annotated[str, Field(description="The drug or measure, where it is one.")]
    text: Annotated[str, Field(description="The record's line.")]


class Grounding(Schema):
    flagged: Annotated[bool, Field(description="Somebody should look before this is used.")]
    probability: Annotated[
        float, Field(description="That anything in the summary is not borne out by the record, 0 to 1.")
    ]
    sentences: list[SentenceOut]
    omissions: Annotated[
        list[OmissionOut],
        Field(
            description="What the record tells and a whole summary should too; none for a section or a single line."
        ),
    ]


class SummaryOut(Schema):
    id: str
    summary: Annotated[
        str,
        Field(
            description="A draft. With the scope “real_values” the real values of your text are put back; they are "
            "not kept."
        ),
    ]
    summary_deidentified: Annotated[str, Field(description="As the model wrote it, with placeholders.")]
    data: Annotated[Any, Field(description="The summary as JSON, where the style is one of JSON.")] = None
    grounding: Annotated[
        Grounding | None,
        Field(
            description="Each sentence held against the record. It finds errors; it does not prove that there are none. "
            "Null where the check failed."
        ),
    ]
    is_cut_off: Annotated[
        bool, Field(description="The model reached its longest answer; the end may be missing.")
    ]
    redactions: Annotated[
        dict[str, int], Field(description="How many different identifiers were hidden, by kind.")
    ]
    style: str
    reading_grade: Annotated[
        float | None, Field(description="The school grade by Flesch and Kincaid, where it was asked for.")
    ] = None
    model: str
    artifact_sha256: str
    seconds: float


class Problem(Schema):
    error: str
    what_to_do: str


PROBLEMS = dict.fromkeys((400, 401, 403, 404, 409, 413, 422, 429, 500, 502, 503), Problem)


class Health(Schema):
    status: deployments.EngineState


def shown_originals(token: ApiToken, asked: questions.Asked) -> dict[str, str]:
    """The real values that this key's holder may see in an answer, as they stand in it."""
    if not token.may(Scope.REAL_VALUES):
        return {}
    return inside_json(asked.originals) if asked.prompt.json_schema else asked.originals


def summary_out(summary: Summary, text: str, originals: Mapping[str, str], *, source: str) -> SummaryOut:
    style = STYLES.get(summary.style)
    artifact = summary.deployment.artifact
    shown = restore(text, originals)
    hidden = set(PLACEHOLDER.findall(source))
    return SummaryOut(
        id=str(summary.uuid),
        summary=shown,
        summary_deidentified=text,
        data=json.loads(shown) if style and style.json_schema else None,
        grounding=_grounding(summary, source, style.readable(text) if style else text, originals),
        is_cut_off=summary.is_cut_off,
        redactions=Counter(token.strip("[]").rpartition("_")[0] for token in hidden),
        style=summary.style,
        reading_grade=reading.grade(shown) if style and style.is_for_patients else None,
        model=artifact.name,
        artifact_sha256=artifact.sha256,
        seconds=round(summary.seconds, 3),
    )


def _grounding(summary: Summary, source: str, text: str, originals: Mapping[str, str]) -> Grounding | None:
    checked = check(source, text, is_whole=is_whole(summary))
    if checked is None:
        return None

    def line(place: int) -> str:
        return restore(source[slice(*checked.lines[place])], originals)

    sentences = [
        SentenceOut(
            text=restore(each.text, originals),
            verdict=each.verdict,
            probability=round(each.probability, 3),
            category=each.category,
            reason=restore(each.reason, originals),
            evidence=[line(number - 1) for number in each.lines],
            suggestion=restore(each.suggestion, originals) if each.suggestion else None,
        )
        for each in checked.sentences
    ]
    missing = [
        OmissionOut(kind=each.kind, about=each.about, text=line(each.line)) for each in checked.omissions
    ]
    return Grounding(
        flagged=checked.flagged,
        probability=round(checked.probability, 3),
        sentences=sentences,
        omissions=missing,
    )
