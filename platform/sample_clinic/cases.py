"""The structured case: what is true of one patient's problem, and what one visit brings up of it.

A record and its summary are both written from the same visit, so the summary cannot say what the record does not.
"""

import re
from dataclasses import dataclass, replace
from datetime import date, timedelta
from random import Random
from typing import NamedTuple, TypeVar

from sample_clinic.lines import drawn
from sample_clinic.people import Author, Patient
from sample_clinic.script import Drug, Script


class Told(NamedTuple):
    """A fact of the history in three wordings."""

    written: str
    said: str
    summary: str


class Noted(NamedTuple):
    """A finding, plan item or event in two wordings."""

    written: str
    summary: str


class Test(NamedTuple):
    """A result; ``result`` follows a verb ("shows ...")."""

    name: str
    result: str
    summary: str


class Order(NamedTuple):
    """A prescription as decided at a visit: "start", "continue" or "increase"."""

    verb: str
    drug: Drug

    def dose(self) -> str:
        return self.drug.step if self.verb == "increase" else self.drug.dose


@dataclass(frozen=True)
class CaseScan:
    """An imaging study with its numbers drawn."""

    study: str
    technique: str
    shows: tuple[Noted, ...]
    clear: tuple[str, ...]
    advice: Noted


@dataclass(frozen=True)
class Case:
    """A script with every number drawn, for one patient."""

    patient: Patient
    script: Script
    specialty: str
    side: str
    since: str
    told: str
    written: str
    details: tuple[Told, ...]
    findings: tuple[Noted, ...]
    tests: tuple[Test, ...]
    plan: tuple[Noted, ...]
    back: str
    better: Told
    worse: Told
    ask: Noted
    stay: tuple[Noted, ...]
    after: tuple[Noted, ...]
    scan: CaseScan | None


@dataclass(frozen=True)
class Visit:
    """What one record is about. ``outcome`` is set at a later visit only."""

    case: Case
    author: Author
    colleague: Author
    on: date
    outcome: Told | None
    improved: bool
    length: str  # "short", "usual" or "long"
    handover: bool  # the colleague, not the author, sees the patient next
    details: tuple[Told, ...]
    denies: tuple[str, ...]
    findings: tuple[Noted, ...]
    tests: tuple[Test, ...]
    orders: tuple[Order, ...]
    plan: tuple[Noted, ...]

    def left(self) -> date:
        """The day of leaving hospital: the day after the last one the events of the stay speak of."""
        told = " ".join(event.written for event in self.case.stay)
        days = [int(day) for pair in re.findall(r"day (\d+)|(\d+) days", told) for day in pair if day]
        return self.on + timedelta(days=max([*days, 2]) + 1)

    @property
    def patient(self) -> Patient:
        return self.case.patient


_STEADY = (
    "leave the rest of the regimen alone => regimen otherwise unchanged",
    "repeat the checks in {m=3|6} months => checks in {m} months",
    "space visits out if things hold => visits spaced out if stable",
    "send an update to the family doctor => update to family doctor",
    "go over the warning signs once more => warning signs reviewed",
)
_UNSETTLED = (
    "see {him} in the nurse clinic in {d=7|10} days => nurse clinic in {d} days",
    "ask the pharmacist to go through the tablets => pharmacist review",
    "repeat the key tests within {w=1|2} weeks => key tests within {w} weeks",
    "bring the case to the team meeting => team meeting",
    "call {him} in {k=3|4} days to check in => phone check in {k} days",
)


def make_case(rng: Random, patient: Patient, script: Script, specialty: str) -> Case:
    side = rng.choice(("left", "right"))

    def told(line: str) -> Told:
        return Told(*drawn(line, rng, side))

    def noted(lines: tuple[str, ...]) -> tuple[Noted, ...]:
        return tuple(Noted(*drawn(line, rng, side)) for line in lines)

    plan = noted(script.plan)
    return Case(
        patient=patient,
        script=script,
        specialty=specialty,
        side=side,
        since=rng.choice(script.since),
        told=drawn(rng.choice(script.told), rng, side)[0],
        written=drawn(rng.choice(script.written), rng, side)[0],
        details=tuple(told(line) for line in script.details),
        findings=noted(script.findings),
        tests=tuple(Test(*drawn(line, rng, side)) for line in script.tests),
        plan=plan,
        back=rng.choice(script.back),
        better=told(script.better),
        worse=told(script.worse),
        ask=noted((script.ask,))[0],
        stay=noted(script.stay),
        after=noted(script.after) or plan,
        scan=_scan(rng, script, side),
    )


def _scan(rng: Random, script: Script, side: str) -> CaseScan | None:
    scan = script.scan
    if scan is None:
        return None
    shows = tuple(Noted(*drawn(line, rng, side)) for line in scan.shows)
    return CaseScan(
        study=drawn(scan.study, rng, side)[0],
        technique=drawn(scan.technique, rng, side)[0],
        shows=shows,
        clear=tuple(rng.sample(scan.clear, len(scan.clear))),
        advice=Noted(*drawn(scan.advice, rng, side)),
    )


def first_visit(rng: Random, case: Case, author: Author, colleague: Author, on: date, length: str) -> Visit:
    """The visit at which the problem is met: history, findings, tests, first prescriptions."""
    few = 1 if length == "short" else 2
    script = case.script
    return Visit(
        case=case,
        author=author,
        colleague=colleague,
        on=on,
        outcome=None,
        improved=False,
        length=length,
        handover=rng.random() < 0.12,
        details=_some(rng, case.details, 2 if length != "long" else 3),
        denies=tuple(rng.sample(script.denies, 2 if length != "long" else 3)),
        findings=_some(rng, case.findings, few),
        tests=_some(rng, case.tests, few if length != "long" else 3),
        orders=tuple(Order("start", drug) for drug in script.drugs),
        plan=_some(rng, case.plan, few),
    )


def referral_visit(first: Visit) -> Visit:
    """The same problem as a referrer knows it: where it is only suspected, nothing is proven or treated yet."""
    return replace(first, tests=(), orders=()) if first.case.script.suspected else first


def stay_visit(rng: Random, first: Visit) -> Visit:
    """The same problem as a hospital stay: its events are the case's, drugs and plan those on leaving."""
    script = first.case.script
    drugs = script.home or script.drugs
    plan = _some(rng, first.case.after, 1 if first.length == "short" else 2)
    return replace(first, orders=tuple(Order("start", drug) for drug in drugs), plan=plan)


def later_visit(
    rng: Random, case: Case, author: Author, colleague: Author, on: date, length: str, improved: bool
) -> Visit:
    """A visit after treatment began: how it went, and what is changed."""
    lines = rng.sample(_STEADY if improved else _UNSETTLED, 2)
    return Visit(
        case=case,
        author=author,
        colleague=colleague,
        on=on,
        outcome=case.better if improved else case.worse,
        improved=improved,
        length=length,
        handover=rng.random() < 0.12,
        details=_some(rng, case.details, 1) if length == "long" else (),
        denies=tuple(rng.sample(case.script.denies, 2)),
        findings=(),
        tests=_some(rng, case.tests, 1),
        orders=_later_orders(case.script, improved),
        plan=tuple(Noted(*drawn(line, rng, case.side)) for line in lines),
    )


def _later_orders(script: Script, improved: bool) -> tuple[Order, ...]:
    # A course of days is over by then, and what is taken as needed calls for no decision.
    lasting = [
        drug for drug in script.drugs if not any(word in drug.often for word in (" for ", "needed", "single"))
    ]
    raised = next((drug for drug in lasting if drug.step), None) if not improved else None
    return tuple(Order("increase" if drug is raised else "continue", drug) for drug in lasting[:2])


_T = TypeVar("_T")


def _some(rng: Random, items: tuple[_T, ...], count: int) -> tuple[_T, ...]:
    """``count`` of the items at random, in their own order."""
    chosen = sorted(rng.sample(range(len(items)), min(count, len(items))))
    return tuple(items[index] for index in chosen)
