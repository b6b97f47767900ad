"""The identifier kinds Precis looks for, and the paragraph of the Safe Harbor rule that names each.

Source: 45 CFR 164.514(b)(2)(i), paragraphs (A) to (R).
"""

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """What an identifier is. The value is also the placeholder's word: ``[NAME_1]``."""

    NAME = "NAME"
    LOCATION = "LOCATION"
    ORGANIZATION = "ORGANIZATION"
    DATE = "DATE"
    AGE = "AGE"
    PHONE = "PHONE"
    FAX = "FAX"
    EMAIL = "EMAIL"
    SSN = "SSN"
    MRN = "MRN"
    PLAN = "PLAN"
    ACCOUNT = "ACCOUNT"
    LICENSE = "LICENSE"
    VEHICLE = "VEHICLE"
    DEVICE = "DEVICE"
    URL = "URL"
    IP = "IP"
    BIOMETRIC = "BIOMETRIC"
    PHOTO = "PHOTO"
    ID = "ID"


# A hospital or employer narrows a person down to a place, so ORGANIZATION falls under (B) with LOCATION;
# an age over 89 falls under (C) with dates.
SAFE_HARBOR: dict[Kind, str] = {
    Kind.NAME: "A",
    Kind.LOCATION: "B",
    Kind.ORGANIZATION: "B",
    Kind.DATE: "C",
    Kind.AGE: "C",
    Kind.PHONE: "D",
    Kind.FAX: "E",
    Kind.EMAIL: "F",
    Kind.SSN: "G",
    Kind.MRN: "H",
    Kind.PLAN: "I",
    Kind.ACCOUNT: "J",
    Kind.LICENSE: "K",
    Kind.VEHICLE: "L",
    Kind.DEVICE: "M",
    Kind.URL: "N",
    Kind.IP: "O",
    Kind.BIOMETRIC: "P",
    Kind.PHOTO: "Q",
    Kind.ID: "R",
}


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """One identifier in a text: characters ``start`` (included) to ``end`` (excluded)."""

    start: int
    end: int
    kind: Kind
    score: float = 1.0
    recognizer: str = ""
