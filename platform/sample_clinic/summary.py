"""Reference summaries, in the house style: short, plain, third person, one for each section."""

from sample_clinic.cases import Order, Visit
from sample_clinic.lines import of_person
from sample_clinic.people import BACKGROUNDS
from sample_clinic.wording import article, listed, prescription, sentence

HISTORY, PLAN = "HISTORY OF PRESENT ILLNESS", "ASSESSMENT AND PLAN"
COURSE, REASON, IMPRESSION = "HOSPITAL COURSE", "REFERRAL REASON", "IMPRESSION"


def person(visit: Visit) -> str:
    return f"{visit.patient.age(visit.on)}-year-old {visit.patient.noun(visit.on)}"


def summarize(visit: Visit, section: str) -> str:
    """The summary of a visit's record for a section; identifiers in it are marked."""
    if section == HISTORY:
        text = _history(visit) if visit.outcome is None else _later_history(visit)
    else:
        text = {PLAN: _plan, COURSE: _course, REASON: _reason, IMPRESSION: _impression}[section](visit)
    if section in (PLAN, COURSE) and visit.handover:
        text += f" To be seen by Dr. {visit.colleague.last_name()}."
    return of_person(text, visit.patient.sex)


def _history(visit: Visit) -> str:
    case = visit.case
    parts = [
        f"{person(visit)} with {case.script.chief} for {case.since}",
        "; ".join(detail.summary for detail in visit.details),
        f"no {listed(visit.denies[::-1], 'or')}",
        *_background(visit),
    ]
    return _sentences(parts)


def _later_history(visit: Visit) -> str:
    assert visit.outcome is not None
    parts = [
        f"{person(visit)} seen in follow-up for {visit.case.script.problem}",
        visit.outcome.summary,
        f"taking {listed([f'{order.drug.name} {order.drug.dose}' for order in visit.orders])}"
        if visit.orders
        else "",
        f"no {listed(visit.denies[::-1], 'or')}",
        *_background(visit),
    ]
    return _sentences(parts)


def _background(visit: Visit) -> list[str]:
    patient = visit.patient
    parts = []
    if patient.background:
        drug = BACKGROUNDS[patient.background]
        parts.append(f"history of {patient.background}, on {drug.name} {drug.dose}")
    if patient.allergy:
        parts.append(f"allergic to {patient.allergy}")
    return parts


def _plan(visit: Visit) -> str:
    case, state = visit.case, ""
    if visit.outcome is not None:
        state = ", improving" if visit.improved else ", not improving"
    found = [visit.outcome.summary] if visit.outcome else [test.summary for test in visit.tests]
    parts = [
        case.script.problem + state,
        "; ".join(found),
        "; ".join(f"{order.verb} {_raised(order)}" for order in visit.orders),
        "; ".join(item.summary for item in visit.plan),
        f"return in {case.back}, sooner for {case.script.warn}",
    ]
    return _sentences(parts)


def _raised(order: Order) -> str:
    if order.verb != "increase":
        return prescription(order)
    return f"{order.drug.name} from {order.drug.dose} to {order.drug.step}"


def _course(visit: Visit) -> str:
    case = visit.case
    parts = [
        f"admission for {case.script.problem}: {case.stay[0].summary}",
        "; ".join(event.summary for event in case.stay[1:]),
        f"discharged on {listed([prescription(order) for order in visit.orders])}",
        "; ".join(item.summary for item in visit.plan),
        f"follow-up in {case.back}",
    ]
    return _sentences(parts)


def _reason(visit: Visit) -> str:
    case, script = visit.case, visit.case.script
    drugs = [prescription(order) for order in visit.orders[:2]]
    parts = [
        f"referred for {case.ask.summary}: {person(visit)} with {script.suspected or script.problem}"
        f" and {case.since} of {script.chief}",
        "; ".join(detail.summary for detail in visit.details),
        "; ".join(test.summary for test in (visit.tests or visit.findings)),
        f"already on {listed(drugs)}" if drugs else "",
        f"allergic to {visit.patient.allergy}" if visit.patient.allergy else "",
    ]
    return _sentences(parts)


def _impression(visit: Visit) -> str:
    case = visit.case
    assert case.scan is not None
    parts = [
        f"{article(person(visit))} with {case.script.chief}",
        *(item.summary for item in case.scan.shows),
    ]
    return _sentences([*parts, case.scan.advice.summary])


def _sentences(parts: list[str]) -> str:
    return " ".join(sentence(part) for part in parts if part)
