"""What the labels of gold sets mean in Safe Harbor's kinds, and which gold spans the rule lets stand.

Only what 45 CFR 164.514(b)(2)(i) plainly allows is dropped: geographic units no smaller than a state (B), years (C) and
what names no date of the calendar, ages below 90 (C), and labels for nothing in the list (a title, a nationality). In
doubt a span stays gold: "New York" and "Washington" are towns too, and so are the initials of other countries'
provinces.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from privacy import lexicon
from privacy.kinds import Kind, Span
from privacy.recognizers.geography import STATES

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
# How presidio-synth writes two countries, and an address whose region it does not know.
_SYNTH_COUNTRIES = {"greenlander", "cyprus (greek)"}
_SYNTH_BLANK = "nan"
_CONTINENTS = {
    "africa", "antarctica", "asia", "europe", "oceania", "north america", "south america", "latin america",
}  # fmt: skip
_ALSO_TOWNS = {"new york", "washington", "d.c."}
_US_STATES = {name.lower() for name in STATES.replace("\\", "").split("|")} - _ALSO_TOWNS
_YEAR = re.compile(r"(?:1[89]|20)\d{2}")
_WEEKDAY = re.compile(r"(?:mon|tues|wednes|thurs|fri|satur|sun)days?", re.IGNORECASE)
_TIME_OF_DAY = re.compile(r"\d{1,2}(?::\d{2}){1,2}(?:\s*[ap]\.?m\.?)?|\d{1,2}\s*[ap]\.?m\.?", re.IGNORECASE)
_RELATIVE = re.compile(
    r"today|yesterday|tomorrow|tonight|now|(?:this|last|next|past)\s+(?:day|night|week|weekend|month|year|"
    r"(?:mon|tues|wednes|thurs|fri|satur|sun)day)",
    re.IGNORECASE,
)
_DATES_THAT_STAND = {
    "a year alone": _YEAR,
    "a weekday": _WEEKDAY,
    "a time of day": _TIME_OF_DAY,
    "a relative day": _RELATIVE,
}


def gold_spans(text: str, spans: Iterable[Mapping[str, Any]]) -> list[Span]:
    """Gold rows {start, end, label} as spans of our kinds, without what the rule lets stand.

    Raises KeyError for a label that has no meaning here, so that no gold is lost in silence.
    """
    return sort_gold(text, spans)[0]


def sort_gold(text: str, spans: Iterable[Mapping[str, Any]]) -> tuple[list[Span], Counter[str]]:
    """``gold_spans``, and how many spans were dropped for each reason."""
    kept, dropped = [], Counter[str]()
    for row in spans:
        kind, start, end = LABELS[row["label"]], int(row["start"]), int(row["end"])
        reason = _stands(kind, text[start:end].strip()) if kind else f"{row['label']}: no kind of the rule"
        if kind and not reason:
            kept.append(Span(start, end, kind))
        else:
            dropped[reason] += 1
    return kept, dropped


def _stands(kind: Kind, value: str) -> str:
    """Why the rule lets ``value`` stand; empty where it does not."""
    if kind is Kind.LOCATION:
        return _place_that_stands(value.lower())
    if kind is Kind.DATE:
        return next((reason for reason, form in _DATES_THAT_STAND.items() if form.fullmatch(value)), "")
    return "an age below 90" if kind is Kind.AGE and value.isdigit() and int(value) < 90 else ""


def _place_that_stands(value: str) -> str:
    if value in _US_STATES:
        return "a state"
    if value in _CONTINENTS:
        return "a continent"
    if value in _SYNTH_COUNTRIES or lexicon.fold(value) in lexicon.words("countries"):
        return "a country"
    return "a blank of the generator" if value == _SYNTH_BLANK else ""
