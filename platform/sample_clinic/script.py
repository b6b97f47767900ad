"""What the clinic knows about one problem, before any patient has it.

A line may hold several wordings of one fact, parted by ``=>``; the numbers in it are drawn once, so that
the record and its summary agree. In a line ``{n=10..40}`` draws a number and names it, ``{n}`` repeats
it, ``{a|b}`` draws a wording, ``{side}`` is the case's side, and ``{he} {his} {him}`` await the reader.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Drug:
    """A drug as first prescribed; ``step`` is the dose it is raised to when the first does not do."""

    name: str
    dose: str
    often: str
    step: str = ""


@dataclass(frozen=True)
class Scan:
    """An imaging study. ``shows`` and ``advice``: report wording => impression wording."""

    study: str
    technique: str
    shows: tuple[str, ...]
    clear: tuple[str, ...]
    advice: str


@dataclass(frozen=True)
class Script:
    """One problem. The comments say which wordings a line holds."""

    problem: str
    short: str  # as a colleague abbreviates it
    ages: tuple[int, int]
    chief: str  # the complaint as a summary names it
    written: tuple[str, ...]  # the complaint as a record names it (noun phrases)
    told: tuple[str, ...]  # the complaint in the patient's words (sentences)
    since: tuple[str, ...]  # how long: "3 weeks"
    details: tuple[str, ...]  # record clause => spoken sentence => summary
    denies: tuple[str, ...]  # noun phrases
    findings: tuple[str, ...]  # examination, noun phrase => summary
    tests: tuple[str, ...]  # name => result => summary
    drugs: tuple[Drug, ...]
    plan: tuple[str, ...]  # infinitive => summary
    back: tuple[str, ...]  # when to be seen again: "4 weeks"
    warn: str  # what to come back sooner for
    better: str  # record clause => spoken sentence => summary, at a later visit
    worse: str
    ask: str  # what a referring doctor wants: noun phrase => summary
    suspected: str = ""  # what a referrer calls it, where test results and drugs come only after the referral
    stay: tuple[str, ...] = ()  # a hospital stay in order: predicate => summary
    home: tuple[Drug, ...] = ()  # drugs on leaving hospital, where they differ from ``drugs``
    after: tuple[str, ...] = ()  # plan on leaving hospital, where it differs from ``plan``
    last_resort: bool = False  # the stay ends the story: no visit comes after it
    scan: Scan | None = None
    sex: str = ""  # "F" or "M" where anatomy or habit asks for it
    hospital_first: bool = False  # nobody meets this problem first in an office
    excludes: tuple[str, ...] = ()  # background problems that would clash
