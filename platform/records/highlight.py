"""A text cut into pieces for its page: what is plain, and what a redaction covers. Pure; templates escape."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from privacy.kinds import Kind
from records.models import Redaction

# What people call each kind, and the family that gives it its colour.
KINDS: dict[Kind, tuple[str, str]] = {
    Kind.NAME: ("Name", "person"),
    Kind.LOCATION: ("Place", "place"),
    Kind.ORGANIZATION: ("Organization", "place"),
    Kind.DATE: ("Date", "date"),
    Kind.AGE: ("Age over 89", "date"),
    Kind.PHONE: ("Phone", "contact"),
    Kind.FAX: ("Fax", "contact"),
    Kind.EMAIL: ("Email", "contact"),
    Kind.URL: ("Web address", "contact"),
    Kind.IP: ("Computer address", "contact"),
    Kind.SSN: ("Social security no.", "number"),
    Kind.MRN: ("Record no.", "number"),
    Kind.PLAN: ("Health plan no.", "number"),
    Kind.ACCOUNT: ("Account no.", "number"),
    Kind.LICENSE: ("Licence no.", "number"),
    Kind.VEHICLE: ("Vehicle", "number"),
    Kind.DEVICE: ("Device", "number"),
    Kind.ID: ("Other number", "number"),
    Kind.BIOMETRIC: ("Biometric", "body"),
    Kind.PHOTO: ("Photo", "body"),
}
# Below this score a reviewer looks first: a lone surname or a bare day and month, where scrubbers often err.
UNSURE_BELOW = 0.85
KIND_CHOICES = [(kind.value, label) for kind, (label, _) in KINDS.items()]


@dataclass(frozen=True)
class Piece:
    """Characters of a text from ``start`` (counted in code points of the original)."""

    start: int
    text: str
    redaction: Redaction | None = None

    @property
    def label(self) -> str:
        return KINDS[Kind(self.redaction.kind)][0] if self.redaction else ""

    @property
    def family(self) -> str:
        return KINDS[Kind(self.redaction.kind)][1] if self.redaction else ""

    @property
    def is_unsure(self) -> bool:
        return self.redaction is not None and is_unsure(self.redaction)


@dataclass(frozen=True)
class LegendEntry:
    label: str
    family: str
    count: int


def is_unsure(redaction: Redaction) -> bool:
    return redaction.score < UNSURE_BELOW


def first_to_judge(redactions: Sequence[Redaction]) -> Redaction | None:
    """Where a reviewer begins: the first unsure redaction in reading order, else the first of all."""
    return min(redactions, key=lambda each: (not is_unsure(each), each.field, each.start), default=None)


def pieces(text: str, redactions: Iterable[Redaction]) -> list[Piece]:
    """The whole text in order. Of overlapping redactions the earlier one keeps what both cover."""
    # Browsers turn CR LF into one character; a space in its place keeps every later offset true.
    text = text.replace("\r\n", " \n").replace("\r", "\n")
    found: list[Piece] = []
    done = 0
    for redaction in sorted(redactions, key=lambda each: (each.start, each.end)):
        start, end = max(redaction.start, done), min(redaction.end, len(text))
        if start >= end:
            continue
        if done < start:
            found.append(Piece(done, text[done:start]))
        found.append(Piece(start, text[start:end], redaction))
        done = end
    if done < len(text):
        found.append(Piece(done, text[done:]))
    return found


def legend(redactions: Iterable[Redaction]) -> list[LegendEntry]:
    """Which kinds occur, the most frequent first."""
    counts = Counter(Kind(redaction.kind) for redaction in redactions)
    return [LegendEntry(*KINDS[kind], count) for kind, count in counts.most_common()]
