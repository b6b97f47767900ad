"""Visit dialogues: what a clinician and a patient (or a child's parent) say to each other."""

import re
from collections.abc import Callable
from random import Random

from privacy.kinds import Kind
from sample_clinic import asides as phrases
from sample_clinic.cases import Order, Told, Visit
from sample_clinic.lines import of_person, to_person
from sample_clinic.marks import capitalized, mark
from sample_clinic.people import BACKGROUNDS
from sample_clinic.wording import listed, lowered, midway, prescription, sentence

_NO = ("No.", "Nope.", "No, nothing like that.", "Not that I noticed.", "Thank goodness, no.")
_MORE = (
    "Tell me more.",
    "What else have you noticed?",
    "Anything else with it?",
    "Go on.",
    "Walk me through it.",
    "And?",
    "How do you mean?",
)
_WORRY = ("Is that bad?", "Okay, if you say so.", "Will I be all right?", "That's a lot to take in.", "My neighbor had that.", "Fine by me.", "I'd rather avoid pills, but okay.", "Finally somebody explains it.")  # fmt: skip
_CALM = (
    "We caught it, that's the main thing.",
    "We'll take it step by step.",
    "It's common, and we know what to do.",
    "If I were worried I'd say so.",
)
_FIGURE = re.compile(r"\d[\d.,/]*(?: ?[A-Za-z%][\w/%]*)?")
_CHAT = (
    ("How's the garden?", "Nothing but weeds, thanks to all this."), ("You came by bus?", "Two of them, and both late."),
    ("Did you eat breakfast?", "Toast, half a slice."), ("How are things at home?", "Busy. The roof leaks and the dog's pregnant."),
    ("Sleeping at all?", "Not like I used to."), ("Any news?", "My niece had twins, would you believe it."),
)  # fmt: skip


class Talk:
    """Collects turns; the labels are the scribe's habit."""

    def __init__(self, rng: Random, visit: Visit) -> None:
        self.rng, self.visit, self.patient, self.author = rng, visit, visit.patient, visit.author
        self.child = self.patient.is_child(visit.on)
        other = capitalized(self.patient.relation) if self.child else "Patient"
        self.labels = self.author.usual(
            (
                ("DOCTOR", other.upper()),
                ("Doctor", other),
                ("D", other[0]),
                (f"Dr. {self.author.last_name()}", self._named()),
                ("[clinician]", f"[{other.lower()}]"),
            )
        )
        self.turns: list[str] = []

    def _named(self) -> str:
        return (
            mark(Kind.NAME, self.patient.relative) if self.child else self.patient.title_name(self.visit.on)
        )

    def doctor(self, text: str) -> None:
        label = f"{self.labels[0]}: "
        # Some scribes start a line for each sentence, most only when the speaker changes.
        if self.turns and self.turns[-1].startswith(label) and self.author.habit % 4:
            self.turns[-1] += f" {capitalized(text)}"
        else:
            self.turns.append(label + capitalized(text))

    def answer(self, text: str) -> None:
        line = of_person(text, self.patient.sex)
        if len(line.split()) > 3 and self.rng.random() < 0.2:
            line = self.rng.choice(("Um, ", "Well, ", "Uh, ", "So, ")) + lowered(line)
        self.turns.append(f"{self.labels[1]}: {capitalized(line)}")

    def pick(self, *options: str) -> str:
        return self.rng.choice(options)

    def to(self, text: str) -> str:
        """Text said about the patient, turned to the listener: "you", or the child by pronoun."""
        return of_person(text, self.patient.sex) if self.child else to_person(text)


def visit_dialogue(rng: Random, visit: Visit, asides: tuple[Kind, ...]) -> str:
    talk = Talk(rng, visit)
    _greeting(talk)
    if visit.outcome is None:
        _complaint(talk)
    else:
        _progress(talk)
    middle: list[Callable[[Talk], None]] = [_negatives, _background, lambda talk: _identifiers(talk, asides)]
    if visit.length == "long":
        middle.append(_small_talk)
    for part in rng.sample(middle, len(middle)):
        part(talk)
    _examination(talk)
    _conclusion(talk)
    _orders(talk)
    _plan(talk)
    _goodbye(talk)
    top = visit.author.usual(
        ("", f"Visit of {visit.author.day(visit.on)}\n", "", f"Transcript, {visit.author.place()}\n")
    )
    return top + "\n".join(talk.turns)


def _greeting(talk: Talk) -> None:
    patient, on = talk.patient, talk.visit.on
    name = talk._named() if talk.child else patient.title_name(on)
    first = mark(Kind.NAME, patient.first)
    age = patient.age(on)
    mine = f"Dr. {talk.author.last_name()}"
    noun = patient.noun(on)
    if talk.child:
        talk.doctor(
            talk.pick(
                f"Hi {name}, and hello {first}. How old is your {noun} now?",
                f"Come in. This must be {first}, such a big {noun}. What age?",
            )
        )
        talk.answer(talk.pick(f"{age} already.", f"Just turned {age}.", f"{{He}}'s {age}."))
        return
    whom = "ma'am" if patient.sex == "F" else "sir"
    talk.doctor(
        talk.pick(
            f"Good morning, {name}, I'm {mine}. Can you confirm your age?",
            f"Hello {first}. Remind me, {whom}, how old are you?",
            f"Have a seat, {whom}. I'm {mine}. You're {first}, yes? And your age?",
            f"Hi {name}, {mine}. Just checking I have the right chart, {whom}: age?",
        )
    )
    talk.answer(talk.pick(f"{age}.", f"{age}, and feeling it.", f"I'm {age}.", f"{age} last birthday."))


def _complaint(talk: Talk) -> None:
    case = talk.visit.case
    talk.doctor(
        talk.pick(
            "What brings you in?",
            "So what's been happening?",
            "How can I help?",
            "Tell me what's going on.",
            "What's the trouble?",
        )
    )
    talk.answer(case.told)
    named = case.script.chief
    talk.doctor(
        talk.pick(
            f"So {named}. For how long?",
            f"{capitalized(named)}, then. Since when?",
            f"How long now with the {named}?",
        )
    )
    talk.answer(
        talk.pick(
            f"{case.since}, give or take.",
            f"I'd say {case.since}.",
            f"It's been {case.since} now.",
            f"{case.since}.",
        )
    )
    for detail in talk.visit.details:
        talk.doctor(talk.pick(*_MORE))
        _tell(talk, detail)


def _progress(talk: Talk) -> None:
    visit = talk.visit
    assert visit.outcome is not None
    problem = visit.case.script.problem
    your = talk.to("{his}")
    talk.doctor(
        talk.pick(
            f"We're here about {your} {problem}. How has it been?",
            f"So, {your} {problem}. Better, worse, the same?",
            f"Last time we dealt with {your} {problem}. Where are we now?",
        )
    )
    _tell(talk, visit.outcome)
    talk.doctor(
        talk.pick("Okay, so that is an improvement.", "Good, that is what I hoped for.")
        if visit.improved
        else talk.pick("So it is not under control yet.", "That is not good enough yet.")
    )
    for detail in visit.details:
        talk.doctor(talk.pick("Remind me what it was like at the start.", "And before we treated it?"))
        _tell(talk, detail)


def _tell(talk: Talk, fact: Told) -> None:
    """The patient says it; where a figure or its unit stays unsaid, the clinician puts it in the chart's words."""
    talk.answer(fact.said)
    if set(_FIGURE.findall(fact.summary)) - set(_FIGURE.findall(fact.said)):
        talk.doctor(
            talk.pick(
                sentence(f"so {fact.summary}"),
                sentence(f"I'll note {fact.summary}"),
                f"That's {fact.summary}, then.",
            )
        )


def _negatives(talk: Talk) -> None:
    denies = list(talk.visit.denies)
    if talk.rng.random() < 0.5:
        talk.doctor(
            talk.pick(
                f"Any {listed(denies, 'or')}?",
                f"Have you noticed {listed(denies, 'or')}?"
                if not talk.child
                else f"Any sign of {listed(denies, 'or')}?",
            )
        )
        talk.answer(talk.pick(*_NO))
        return
    for symptom in denies:
        talk.doctor(talk.pick(f"{capitalized(symptom)}?", f"What about {symptom}?", f"Any {symptom}?"))
        talk.answer(talk.pick(*_NO))


def _background(talk: Talk) -> None:
    patient = talk.patient
    if patient.background:
        order = prescription(
            Order("continue", BACKGROUNDS[patient.background]), 0 if talk.rng.random() < 0.5 else 3
        )
        talk.doctor(
            talk.pick(
                f"And you have {patient.background}, is that right?",
                f"Chart says {patient.background}. What do you take?",
            )
        )
        talk.answer(talk.pick(f"Yes, I take {order}.", f"Right. {capitalized(order)}.", f"Mm-hm, {order}."))
    if patient.allergy:
        talk.doctor(talk.pick("Allergies?", "Anything you react to?", "Remind me about allergies."))
        talk.answer(
            talk.pick(
                f"{capitalized(patient.allergy)}.",
                f"Yes, {patient.allergy}.",
                f"Can't have {patient.allergy}.",
            )
        )


def _small_talk(talk: Talk) -> None:
    for question, reply in talk.rng.sample(_CHAT, 5):
        talk.doctor(question)
        talk.answer(reply)
    kin = mark(Kind.NAME, talk.patient.relative)
    if not talk.child:
        talk.answer(
            f"My {talk.patient.relation} {kin} says I should slow down at {mark(Kind.ORGANIZATION, talk.patient.workplace)}."
        )


def _examination(talk: Talk) -> None:
    findings = listed([finding.written for finding in talk.visit.findings])
    if findings:
        talk.doctor(
            talk.pick(
                f"Let me have a look. I'm finding {findings}.",
                f"Hold still a moment. There's {findings}.",
                f"On the exam I get {findings}.",
            )
        )
    for test in talk.visit.tests:
        name, result = midway(test.name), test.result
        if talk.visit.outcome is not None:
            talk.doctor(
                talk.pick(
                    f"Back then the {name} read {result}.", f"For comparison, the first {name}: {result}."
                )
            )
            continue
        talk.doctor(
            talk.pick(
                f"As for the {name}: {result}.",
                f"I have the {name} here, {result}.",
                f"Then the {name}, {result}.",
            )
        )
        if talk.rng.random() < 0.3:
            talk.answer(talk.pick(*_WORRY))


def _conclusion(talk: Talk) -> None:
    if talk.visit.outcome is not None:
        return
    problem = talk.visit.case.script.problem
    talk.doctor(
        talk.pick(
            f"I think this is {problem}.",
            f"Putting it together, we call this {problem}.",
            f"It adds up to {problem}.",
        )
    )
    talk.answer(talk.pick(*_WORRY))
    talk.doctor(talk.pick(*_CALM))


def _orders(talk: Talk) -> None:
    for order in talk.visit.orders:
        drug, dose = order.drug, prescription(order, 0 if talk.rng.random() < 0.6 else 3)
        if order.verb == "increase":
            talk.doctor(
                talk.pick(
                    f"I'm taking {drug.name} from {drug.dose} up to {drug.step}.",
                    f"Let's move {drug.name} from {drug.dose} to {drug.step}.",
                )
            )
        elif order.verb == "continue":
            talk.doctor(talk.pick(f"Keep going with {dose}.", f"Don't change {dose}."))
        else:
            talk.doctor(
                talk.to(
                    talk.pick(
                        f"I want {{him}} on {dose}.",
                        f"I'm prescribing {dose}.",
                        f"Let's try {dose}.",
                        f"There's also {dose}.",
                    )
                )
            )
    if talk.rng.random() < 0.4:
        talk.answer(talk.pick("Can you write that down?", "Okay.", "How long for?"))
        talk.doctor(
            talk.pick("It'll be on the sheet.", "The pharmacist will go over it.", "We'll see as we go.")
        )


def _plan(talk: Talk) -> None:
    case = talk.visit.case
    for item in talk.visit.plan:
        talk.doctor(
            talk.to(
                sentence(
                    talk.pick(
                        f"we'll {item.written}",
                        f"I'd also like to {item.written}",
                        f"next, I'm going to {item.written}",
                    )
                )
            )
        )
        if talk.rng.random() < 0.4:
            talk.answer(talk.pick("Sure.", "If I have to.", "Okay.", "Makes sense."))
    talk.doctor(
        talk.pick(
            f"Come back in {case.back}. If there's {case.script.warn}, sooner.",
            f"Let's meet in {case.back}, and call me for {case.script.warn}.",
            f"{capitalized(case.back)} from now, unless you see {case.script.warn}.",
        )
    )
    if talk.visit.handover:
        talk.doctor(
            f"Next time it will be Dr. {talk.visit.colleague.last_name()} who sees {talk.to('{him}')}."
        )


def _identifiers(talk: Talk, asides: tuple[Kind, ...]) -> None:
    for kind in asides:
        question, reply = phrases.said(talk.rng, talk.patient, kind)
        talk.doctor(question)
        talk.answer(reply)


def _goodbye(talk: Talk) -> None:
    if talk.rng.random() < 0.6:
        talk.answer(talk.pick("Thanks, doc.", "Okay, thank you.", "See you then.", "Appreciate it."))
        if talk.rng.random() < 0.5:
            talk.doctor(talk.pick("Take care.", "You're welcome.", "Mind the step."))
