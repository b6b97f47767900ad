"""What the labels of gold sets mean in Safe Harbor's kinds; None for what the rule does not name."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from privacy import lexicon
from privacy.kinds import Kind, Span

LABELS: dict[str, Kind | None] = {
    **{str(kind): kind for kind in Kind},
    # ASQ-PHI
    "GEOGRAPHIC_LOCATION": Kind.LOCATION,
    "MEDICAL_RECORD_NUMBER": Kind.MRN,
    "HEALTH_PLAN_BENEFICIARY_NUMBER": Kind.PLAN,
    "PHONE_NUMBER": Kind.PHONE,
    "FAX_NUMBER": Kind.FAX,
    "EMAIL_ADDRESS": Kind.EMAIL,
    "SOCIAL_SECURITY_NUMBER": Kind.SSN,
    "UNIQUE_IDENTIFIER": Kind.ID,
    "ACCOUNT_NUMBER": Kind.ACCOUNT,
    "CERTIFICATE_LICENSE_NUMBER": Kind.LICENSE,
    # presidio-synth
    "PERSON": Kind.NAME,
    "STREET_ADDRESS": Kind.LOCATION,
    "GPE": Kind.LOCATION,
    "ZIP_CODE": Kind.LOCATION,
    "CREDIT_CARD": Kind.ACCOUNT,
    "IBAN_CODE": Kind.ACCOUNT,
    "DATE_TIME": Kind.DATE,
    "DOMAIN_NAME": Kind.URL,
    "US_SSN": Kind.SSN,
    "IP_ADDRESS": Kind.IP,
    "US_DRIVER_LICENSE": Kind.LICENSE,
    "TITLE": None,
    "NRP": None,
}
_BARE_YEAR = re.compile(r"\d{4}")
_WEEKDAY = re.compile(r"(?:mon|tues|wednes|thurs|fri|satur|sun)day", re.IGNORECASE)


def gold_spans(text: str, spans: Iterable[Mapping[str, Any]]) -> list[Span]:
    """Gold rows {start, end, label} as spans, without what Safe Harbor lets stand: countries, bare years,
    weekdays, ages up to 89. Raises KeyError for a label that has no meaning here.
    """
    kept = []
    for row in spans:
        kind = LABELS[row["label"]]
        span = Span(int(row["start"]), int(row["end"]), kind) if kind else None
        if span and not _allowed(span.kind, text[span.start : span.end]):
            kept.append(span)
    return kept


def _allowed(kind: Kind, value: str) -> bool:
    if kind is Kind.LOCATION:
        return lexicon.fold(value) in lexicon.words("countries")
    if kind is Kind.DATE:
        return bool(_BARE_YEAR.fullmatch(value) or _WEEKDAY.fullmatch(value))
    return kind is Kind.AGE and value.isdigit() and int(value) < 90
