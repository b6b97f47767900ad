"""Records that are written or dictated: progress notes, discharge and referral letters, radiology reports."""

from random import Random

from privacy.kinds import Kind
from sample_clinic import layout
from sample_clinic.cases import Visit
from sample_clinic.layout import Sections
from sample_clinic.marks import capitalized, mark
from sample_clinic.pen import Pen
from sample_clinic.summary import person
from sample_clinic.wording import listed, prescription, sentence

_NAMES = {
    "history": ("Subjective", "HPI", "History", "S", "Story"),
    "background": ("PMH", "Background", "Past history", "Other", "Context"),
    "exam": ("Objective", "Exam", "On examination", "O", "Findings"),
    "assessment": ("Assessment", "Impression", "Opinion", "A", "In short"),
    "plan": ("Plan", "What we do", "Recommendations", "P", "To do"),
    "admin": ("Administrative", "Desk", "Notes", "Misc", "Other business"),
}


def progress_note(rng: Random, visit: Visit, asides: tuple[Kind, ...]) -> str:
    pen = Pen(rng, visit)
    named = {key: visit.author.usual(names) for key, names in _NAMES.items()}
    if visit.outcome is None:
        history = pen.complaint() + pen.details() + pen.negatives()
    else:
        history = pen.reunion() + pen.outcome() + pen.details() + pen.negatives()
    sections = [
        (named["history"], history),
        (named["background"], pen.background() + (pen.social() if visit.length != "short" else [])),
        (named["exam"], pen.exam() + pen.results()),
        (named["assessment"], pen.assessment()),
        (named["plan"], pen.orders() + pen.plan() + pen.back()),
        (named["admin"], [pen.aside(kind) for kind in asides]),
    ]
    author = visit.author
    if author.habit % 5 == 2:
        sections.insert(0, sections.pop(5))
    if author.habit % 7 == 3 and author.manner in ("headed", "bulleted"):
        sections = [sections[3], sections[0], sections[1], sections[2], *sections[4:]]
    sections.insert(3, (author.usual(("Routine", "Checks", "Housekeeping")), pen.routine()))
    return _laid_out(rng, visit, _banner(visit), sections)


def _banner(visit: Visit) -> str:
    """The first line of a note: who and when, as the author's software or habit has it."""
    patient, author, on = visit.patient, visit.author, visit.on
    born = mark(Kind.DATE, author.date_format.format(patient.born))
    day, number = author.day(on), patient.value(Kind.MRN)
    return author.usual(
        (
            f"{author.place()} | {patient.full_name()} | DOB {born} | MRN {number} | {day}",
            f"{day}\nPatient: {patient.full_name()}    Record no.: {number}",
            f"{patient.full_name()} ({number}), seen {day}",
            f"Name: {patient.full_name()}\nDate of birth: {born}\nVisit: {day}\nClinician: {author.name()}, MD",
            f"{capitalized(visit.case.specialty)} clinic, {day}. {patient.initials()} / {number}.",
            f"Re: {mark(Kind.NAME, patient.last + ', ' + patient.first)}, b. {born}. {author.place()}.",
        )
    )


def _laid_out(rng: Random, visit: Visit, banner: str, sections: Sections) -> str:
    author = visit.author
    sign = rng.choice(
        (
            f"{author.name()}, MD",
            f"Signed: {author.name()}, {author.license_number()}",
            f"Dr. {author.last_name()}",
            f"-- {author.last_name()}",
        )
    )
    if author.manner == "headed":
        body = (
            layout.headed(sections, upper=author.habit % 2 == 0)
            if author.habit % 3
            else layout.blocks(sections)
        )
    elif author.manner == "bulleted":
        body = layout.bulleted(sections, author.usual(("-", "*", "#", "•")))
    elif author.manner == "terse":
        return f"{banner}\n{layout.terse(sections)}\n{author.last_name()}"
    elif author.manner == "dictated":
        start = author.usual(("Dictating,", "This is a note for the chart.", "Okay, recording."))
        return f"{start} {banner.replace(chr(10), ', ').rstrip('.')}. {layout.dictated(rng, sections)} End of dictation, {sign}."
    else:
        body = layout.paragraphs(sections)
    return f"{banner}\n\n{body}\n\n{sign}"


def discharge_letter(rng: Random, visit: Visit, asides: tuple[Kind, ...]) -> str:
    pen, case, author = Pen(rng, visit), visit.case, visit.author
    came, left = author.day(visit.on), author.day(visit.left())
    opening = rng.choice(
        (
            f"{pen.who()}, aged {visit.patient.age(visit.on)}, was with us from {came} to {left} on account of {case.script.problem}.",
            f"We discharged {visit.patient.full_name()} ({visit.patient.age(visit.on)}) on {left}; the admission of {came} was for {case.script.problem}.",
            f"Admitted {came}, home {left}. Diagnosis: {case.script.problem} in {person(visit)}.",
        )
    )
    later = ("{He} ", "{He} ", "The patient ", "In the course of the stay {he} ", "Thereafter {he} ")
    leads = ["{He} ", *rng.sample(later, len(case.stay) - 1)]
    events = [pen.tidy(lead + event.written) for lead, event in zip(leads, case.stay, strict=True)]
    drugs = [prescription(order, pen.form) for order in visit.orders]
    home = pen.say(
        full=(f"{{He}} went home with {listed(drugs)}", f"Medication on leaving: {listed(drugs)}"),
        clipped=(f"D/c meds: {'; '.join(drugs)}", f"TTO {'; '.join(drugs)}"),
        talk=(f"leaving on {listed(drugs)}", f"we sent {{him}} off with {listed(drugs)}"),
    )
    sections = [
        ("Reason for stay", [capitalized(opening)]),
        ("What happened", events),
        ("Background", pen.background() + pen.social() + pen.routine()),
        ("On leaving", [home]),
        ("Please", pen.plan() + pen.back()),
        ("Notes", [pen.aside(kind) for kind in asides]),
    ]
    return _letter(
        rng, visit, sections, f"discharge of {visit.patient.full_name()}, {visit.patient.value(Kind.MRN)}"
    )


def referral_letter(rng: Random, visit: Visit, asides: tuple[Kind, ...]) -> str:
    pen, case = Pen(rng, visit), visit.case
    ask = pen.say(
        full=(
            f"I would value {case.ask.written}",
            f"May I ask you for {case.ask.written}?",
            f"Could you help us with this: {case.ask.written}?",
        ),
        clipped=(f"Question: {case.ask.written}", f"Req: {case.ask.written}"),
        talk=(f"what I'm after is {case.ask.written}", f"could you take this on, {case.ask.written}"),
    )
    made_of_it = pen.suspicion() if case.script.suspected else pen.assessment()
    drugs = listed([prescription(order, pen.form) for order in visit.orders[:2]])
    tried = pen.say(
        full=(f"So far I have given {drugs}", f"{{He}} has been started on {drugs}"),
        clipped=(f"Tried: {drugs}", f"On {drugs}"),
        talk=(f"I've got {{him}} on {drugs} already",),
    )
    sections = [
        ("Presenting problem", pen.complaint() + pen.details() + pen.negatives()),
        ("Findings", pen.exam() + pen.results() + made_of_it),
        ("Background", pen.background() + pen.social() + pen.routine()),
        ("So far", [tried] if drugs else []),
        ("Request", [ask]),
        ("Contact", [pen.aside(kind) for kind in asides]),
    ]
    if visit.author.habit % 3 == 0:
        sections.insert(0, sections.pop(4))
    return _letter(rng, visit, sections, f"referral of {visit.patient.full_name()} to {case.specialty}")


def _letter(rng: Random, visit: Visit, sections: Sections, subject: str) -> str:
    author, to, patient = visit.author, visit.colleague, visit.patient
    born = mark(Kind.DATE, author.date_format.format(patient.born))
    dear = author.usual(
        (
            f"Dear Dr. {to.last_name()},",
            f"Dear {mark(Kind.NAME, to.first)},",
            "Dear colleague,",
            f"To: {to.name()}, {to.place()}",
        )
    )
    close = rng.choice(("Sincerely,", "With kind regards,", "Many thanks,", "Yours,"))
    head = author.usual(
        (
            f"{author.place()}, {mark(Kind.LOCATION, author.town)}\n{author.day(visit.on)}",
            f"{author.day(visit.on)}\nRe: {subject}, born {born}",
            f"{author.place()}\nTel {mark(Kind.PHONE, author.phone)}  Fax {mark(Kind.FAX, author.fax)}\nSubject: {subject}",
        )
    )
    if author.manner in ("terse", "bulleted"):
        body = (
            layout.bulleted(sections, author.usual(("-", ">", "*")))
            if author.manner == "bulleted"
            else layout.terse(sections)
        )
        return f"{capitalized(subject)} (DOB {born})\nFrom {author.last_name()} to {to.last_name()}, {author.day(visit.on)}\n{body}"
    if author.manner == "dictated":
        return f"Letter to Dr. {to.last_name()}, {subject}, date of birth {born}. {layout.dictated(rng, sections)} {close} {author.name()}."
    body = layout.headed(sections, upper=False) if author.manner == "headed" else layout.paragraphs(sections)
    return f"{head}\n\n{dear}\n\n{body}\n\n{close}\n{author.name()}, MD"


_COMPARED = (
    "None available.",
    "No earlier study.",
    "Outside films were not at hand.",
    "Report of an older study only.",
)
_CHECKS = (
    "Identity was checked against the wristband.", "The safety questionnaire was complete.", "No reaction to contrast in the past.",
    "Consent was given verbally.", "Fasting was confirmed.", "The request form was legible for once.",
    "Implants: none declared.", "Prior surgery to the region: none declared.", "The study was read at the workstation the same day.",
    "Transport was by wheelchair.", "An assistant was present throughout.", "Images have gone to the archive.",
)  # fmt: skip
_QUALITY = (
    "Image quality is adequate.", "Mild motion blur, still diagnostic.", "Coverage is complete.", "Positioning is slightly rotated.",
    "All sequences were obtained as planned.", "The patient tolerated the study well.",
)  # fmt: skip


def radiology_report(rng: Random, visit: Visit, asides: tuple[Kind, ...]) -> str:
    pen, case, author = Pen(rng, visit), visit.case, visit.author
    scan = case.scan
    assert scan is not None
    ordered = f"Requested by Dr. {visit.colleague.last_name()}, {visit.colleague.place()}."
    why = rng.choice(
        (
            f"{person(visit)}, {case.written}",
            f"{case.written} in {person(visit)}",
            f"{person(visit)} with {case.written} for {case.since}",
        )
    )
    findings = [pen.tidy(item.written) for item in scan.shows]
    clear = list(scan.clear)
    order = findings + clear if author.habit % 2 else clear[:1] + findings + clear[1:]
    sections = [
        (
            author.usual(("Study", "Exam", "Procedure")),
            [sentence(f"{scan.study}, {author.day(visit.on)}"), ordered],
        ),
        (author.usual(("Indication", "Clinical question", "Reason")), [pen.tidy(why)]),
        ("Clinical notes", [*pen.background(), *rng.sample(_CHECKS, 4)]),
        ("Technique", [sentence(scan.technique), *rng.sample(_QUALITY, 2)]),
        ("Comparison", [rng.choice(_COMPARED)]),
        (author.usual(("Findings", "Report", "Description")), [*order, scan.advice.written]),
        (author.usual(("Remarks", "Notes", "Desk")), [pen.aside(kind) for kind in asides]),
    ]
    return _laid_out(rng, visit, _banner(visit), sections)
