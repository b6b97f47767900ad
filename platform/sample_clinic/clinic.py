"""The clinic's year: patients fall ill, are referred, imaged, seen, admitted and seen again.

``generate`` turns that into records. Equal seeds give equal records; nothing else is random.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import cycle
from random import Random

from privacy.kinds import Kind, Span
from sample_clinic import surrogates
from sample_clinic.asides import RARE
from sample_clinic.cases import Visit, first_visit, later_visit, make_case, referral_visit, stay_visit
from sample_clinic.dialogue import visit_dialogue
from sample_clinic.layout import with_slips
from sample_clinic.marks import read_marks
from sample_clinic.people import Author, Patient, make_author, make_patient
from sample_clinic.script import Script
from sample_clinic.specialties import SPECIALTIES
from sample_clinic.summary import COURSE, HISTORY, IMPRESSION, PLAN, REASON, summarize
from sample_clinic.written import discharge_letter, progress_note, radiology_report, referral_letter

_AUTHORS_PER_SPECIALTY = 5
_WRITERS = {
    "visit dialogue": visit_dialogue,
    "progress note": progress_note,
    "discharge letter": discharge_letter,
    "referral letter": referral_letter,
    "radiology report": radiology_report,
}
_SECTIONS = {
    "visit dialogue": (HISTORY, PLAN),
    "progress note": (HISTORY, PLAN),
    "discharge letter": (COURSE,),
    "referral letter": (REASON,),
    "radiology report": (IMPRESSION,),
}


@dataclass(frozen=True)
class SampleRecord:
    """A synthetic record with its reference summary; spans are character offsets into source and target."""

    id: str  # "sample-0001", stable for a seed
    patient: str  # patient key, "P0042"; several records a patient
    kind: str  # "visit dialogue", "progress note", "discharge letter", "referral letter", "radiology report"
    specialty: str
    section: str  # which summary is asked for, as the model is told
    source: str
    target: str
    source_spans: tuple[Span, ...]
    target_spans: tuple[Span, ...]


def generate(seed: int = 7, count: int = 420) -> list[SampleRecord]:
    """``count`` records of as many patients as that takes; the same list whenever the seed is the same."""
    rng = Random(seed)
    rare = cycle(rng.sample(RARE, len(RARE)))
    records: list[SampleRecord] = []
    for number, (kind, visit) in enumerate(_visits(rng, count), start=1):
        asides = tuple(
            next(rare) for _ in range(rng.choice((0, 1, 1, 2) if visit.length != "short" else (0, 1)))
        )
        records.append(_record(Random(rng.random()), f"sample-{number:04d}", kind, visit, asides))
    return records


def _record(rng: Random, key: str, kind: str, visit: Visit, asides: tuple[Kind, ...]) -> SampleRecord:
    section = rng.choice(_SECTIONS[kind])
    written = with_slips(rng, _WRITERS[kind](rng, visit, asides), visit.author.typos)
    source, source_spans = read_marks(written)
    target, target_spans = read_marks(summarize(visit, section))
    return SampleRecord(
        id=key,
        patient=visit.patient.key,
        kind=kind,
        specialty=visit.case.specialty,
        section=section,
        source=source,
        target=target,
        source_spans=source_spans,
        target_spans=target_spans,
    )


def _visits(rng: Random, count: int) -> Iterator[tuple[str, Visit]]:
    authors = {
        name: [
            make_author(rng, name, last, place * 3 + number)
            for number, last in enumerate(rng.sample(surrogates.LAST, _AUTHORS_PER_SPECIALTY))
        ]
        for place, name in enumerate(SPECIALTIES)
    }
    made = 0
    for number, (specialty, script) in enumerate(_problems(rng), start=1):
        seen = date(2022, 2, 1) + timedelta(days=rng.randrange(1100))
        patient = make_patient(rng, f"P{number:04d}", script, seen)
        for kind_and_visit in _story(rng, patient, script, specialty, authors[specialty], seen):
            yield kind_and_visit
            made += 1
            if made == count:
                return


def _problems(rng: Random) -> Iterator[tuple[str, Script]]:
    """Every problem of the clinic once, in a new order each round."""
    problems = [(specialty, script) for specialty, scripts in SPECIALTIES.items() for script in scripts]
    while True:
        yield from rng.sample(problems, len(problems))


def _story(
    rng: Random, patient: Patient, script: Script, specialty: str, authors: list[Author], on: date
) -> Iterator[tuple[str, Visit]]:
    """One patient's records in the order they are written, each by whoever is on duty."""
    case = make_case(rng, patient, script, specialty)
    for kind, state in _chapters(rng, script):
        on += timedelta(days=rng.randrange(5, 30))
        author, colleague = rng.sample(authors, 2)
        length = rng.choices(("short", "usual", "long"), (8, 82, 10))[0]
        if state == "new":
            visit = first_visit(rng, case, author, colleague, on, length)
        else:
            visit = later_visit(rng, case, author, colleague, on, length, improved=state == "better")
        if kind == "discharge letter":
            visit = stay_visit(rng, visit)
        elif kind == "referral letter":
            visit = referral_visit(visit)
        yield kind, visit


def _chapters(rng: Random, script: Script) -> list[tuple[str, str]]:
    """Kinds of record in order, each with the state of the problem: "new", "worse" or "better"."""
    referred = [("referral letter", "new")] * (rng.random() < 0.55)
    scan = [("radiology report", "new")] * (script.scan is not None and rng.random() < 0.85)
    seen = [(rng.choice(("visit dialogue", "progress note")), "new")]
    stay = [("discharge letter", "new")] * (bool(script.stay) and rng.random() < 0.8)
    states = rng.choice((("better",), ("worse",), ("worse", "better")))
    again = list(zip(rng.sample(("visit dialogue", "progress note"), len(states)), states, strict=True))
    if script.hospital_first:
        return [*scan, ("discharge letter", "new"), *again]
    if script.last_resort:
        return referred + scan + seen + again + stay
    return referred + scan + seen + stay + again
