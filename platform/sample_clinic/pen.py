"""One clinician's sentences about one visit: the same facts, worded by habit.

A pen writes "full" sentences, "clipped" notes or "talk" (dictation and chat). Identifiers come out marked.
"""

from random import Random

from privacy.kinds import Kind
from sample_clinic import asides
from sample_clinic.cases import Order, Visit
from sample_clinic.lines import of_person
from sample_clinic.marks import mark
from sample_clinic.people import BACKGROUNDS
from sample_clinic.summary import person
from sample_clinic.wording import article, listed, midway, prescription, sentence

# Results that say how a test was, not what it showed.
_PREDICATES = ("all within", "within", "negative", "positive", "clear", "passed", "on the")
_ROUTINE = (
    "Vaccines were reviewed and are up to date.", "Teeth were seen by the dentist in the spring.",
    "The medication list was reconciled with the bottles.", "An interpreter was not needed.",
    "Consent to share the chart was renewed.", "There is no change in the living situation.",
    "Questions were answered and a leaflet handed over.", "The chart from the previous office was read.",
    "The waiting room questionnaire was complete.", "Height is unchanged from the last measurement.",
    "A chaperone was offered.", "The smoke alarm at home has been tested.", "Seat belt is worn in the car.",
    "Next of kin in the chart is correct.", "The pharmacy on file is still the right one.",
    "Emergency numbers are on the fridge at home.", "The paper chart runs to two volumes.", "The front desk updated the address.",
    "Hand hygiene was observed.", "Seen in room four.", "Forty minutes were spent in all.", "The visit started late.",
    "A student sat in with permission.", "Portal access was explained.", "Sunscreen and hats came up briefly.",
    "Hearing was not tested today.", "A work or school note was not asked for.",
    "Old imaging is on a disc in the folder.", "Immunization card was photocopied.", "Transport home was arranged by the family.",
)  # fmt: skip
_MODES = {"terse": "clipped", "bulleted": "clipped", "dictated": "talk", "chatty": "talk"}


class Pen:
    """Writes about ``visit`` as its author would; each method gives sentences without a line break."""

    def __init__(self, rng: Random, visit: Visit) -> None:
        self.rng, self.visit, self.author, self.patient = rng, visit, visit.author, visit.patient
        self.mode = _MODES.get(self.author.manner, "full")
        self.form = self.author.habit % 4
        he = of_person("{He}", self.patient.sex)
        self.he = he if self.mode != "clipped" else rng.choice(("Pt", "Patient"))

    def say(self, full: tuple[str, ...], clipped: tuple[str, ...], talk: tuple[str, ...]) -> str:
        options = {"full": full, "clipped": clipped, "talk": talk}[self.mode]
        return self.tidy(self.rng.choice(options))

    def tidy(self, text: str) -> str:
        return sentence(of_person(text, self.patient.sex))

    def who(self) -> str:
        """The patient, as the author would put it at the start of a sentence."""
        if self.mode == "clipped":
            return self.rng.choice((self.patient.initials(), "Pt"))
        return self.rng.choice(
            (self.patient.title_name(self.visit.on), self.patient.full_name(), "The patient")
        )

    def complaint(self) -> list[str]:
        case, on = self.visit.case, self.visit.on
        what, since, who = case.written, case.since, person(self.visit)
        sex = {"woman": "F", "man": "M"}.get(self.patient.noun(on), self.patient.noun(on))
        age = self.patient.age(on)
        return [
            self.say(
                full=(
                    f"{self.who()}, {age} years old, has had {what} over the past {since}",
                    f"This is {article(who)} with {what}, on and off for {since}",
                    f"For the last {since}, {self.patient.title_name(on)} (age {age}) has been troubled by {what}",
                    f"{self.who()} is {article(who)}; what brings {{him}} here is {what}, now going on {since}",
                ),
                clipped=(
                    f"{age} {sex}. C/o {what} x {since}",
                    f"{age}yo {sex}, {since} of {what}",
                    f"{self.who()}, {age} {sex}: {what}, {since} now",
                ),
                talk=(
                    f"So {self.patient.title_name(on)} is {age} and for {since} it's been {what}",
                    f"I had {article(who)} in today, {self.patient.full_name()}, with {what} for about {since}",
                    f"{self.who()}, {age} years of age, here with {what}, goes back {since}",
                ),
            )
        ]

    def reunion(self) -> list[str]:
        """How a later visit opens."""
        problem, age = self.visit.case.script.problem, self.patient.age(self.visit.on)
        noun = self.patient.noun(self.visit.on)
        return [
            self.say(
                full=(
                    f"{self.who()} returned for review of {problem}; {{he}} is {age} now",
                    f"I saw {self.patient.title_name(self.visit.on)}, aged {age}, again about {{his}} {problem}",
                    f"This {noun} of {age} is back to discuss {problem}",
                ),
                clipped=(f"F/u {problem}, {age} {noun}", f"{age}yo {noun} back re {problem}", f"{self.who()}, {age}, {noun}. Here for {problem}"),
                talk=(
                    f"{self.patient.title_name(self.visit.on)}, {age}-year-old {noun}, came back today about the {problem}",
                    f"Second look at {self.patient.full_name()}, {age}, {noun}, {problem}",
                ),
            )
        ]  # fmt: skip

    def details(self) -> list[str]:
        clauses = [detail.written for detail in self.visit.details]
        if self.mode == "talk" and len(clauses) > 1:
            return [self.tidy(self.rng.choice((" and ", ", and also ", ", oh and ")).join(clauses))]
        return [self.tidy(clause) for clause in clauses]

    def outcome(self) -> list[str]:
        assert self.visit.outcome is not None
        lead = self.rng.choice(("", "", "since the last visit ", "by {his} account "))
        return [self.tidy(lead + self.visit.outcome.written)]

    def negatives(self) -> list[str]:
        none = listed(self.visit.denies, "or")
        return [
            self.say(
                full=(f"There has been no {none}", f"{self.he} has had no {none}", f"Asked directly about {none}: none of it", f"{self.he} has not had {none}"),
                clipped=(f"Denies {none}", f"No {none}", f"Neg for {none}"),
                talk=(f"I asked about {none} and the answer was no", f"no {none} at all", f"nothing in the way of {none}"),
            )
        ]  # fmt: skip

    def background(self) -> list[str]:
        problem, allergy = self.patient.background, self.patient.allergy
        parts = []
        if problem:
            order = prescription(Order("continue", BACKGROUNDS[problem]), self.form)
            parts.append(
                self.say(
                    full=(f"{{He}} lives with {problem}, for which {{he}} takes {order}", f"Of note is {problem}, treated with {order}", f"Other history: {problem} ({order})"),
                    clipped=(f"PMH {problem}: {order}", f"Hx of {problem}, on {order}"),
                    talk=(f"there's {problem} in the background, {order} for that", f"{{he}} also has {problem}, takes {order}"),
                )
            )  # fmt: skip
        if allergy:
            parts.append(
                self.say(
                    full=(f"{{He}} does not tolerate {allergy}", f"Allergy on file: {allergy}", f"{{He}} reacts to {allergy}"),
                    clipped=(f"Allergy: {allergy}", f"ALL: {allergy}"),
                    talk=(f"allergic to {allergy}, remember that", f"can't have {allergy}"),
                )
            )  # fmt: skip
        elif self.rng.random() < 0.4:
            parts.append(
                self.say(full=("No drug allergies are known",), clipped=("NKDA",), talk=("no allergies",))
            )
        return parts

    def social(self) -> list[str]:
        """Home, work and family: true of the patient, of no use to the summary."""
        patient = self.patient
        kin = mark(Kind.NAME, patient.relative)
        work, town = mark(Kind.ORGANIZATION, patient.workplace), mark(Kind.LOCATION, patient.town)
        if patient.is_child(self.visit.on):
            options = (
                f"{{He}} goes to {work} and came with {{his}} {patient.relation}, {kin}",
                f"{kin}, the {patient.relation}, gave the history; school or daycare is {work}",
            )
            return [self.tidy(self.rng.choice(options))]  # fmt: skip
        verb = "retired from" if patient.years(self.visit.on) > 67 else f"works as a {patient.job} at"
        return [
            self.say(
                full=(
                    f"{{He}} lives in {town} and {'is ' * verb.startswith('retired')}{verb} {work}",
                    f"{{His}} {patient.relation} {kin} came along and helped with the story",
                    f"At home in {town} {{he}} has the support of {{his}} {patient.relation}, {kin}",
                ),
                clipped=(f"Lives {town}, {patient.relation} {kin} nearby", f"{verb} {work}", f"Here w/ {patient.relation} {kin}"),
                talk=(f"{{his}} {patient.relation} {kin} was in the room", f"{{he}} is the one {'' if verb.startswith('works') else 'who '}{verb.replace('works', 'who works')} {work}"),
            )
        ]  # fmt: skip

    def exam(self) -> list[str]:
        found = listed([finding.written for finding in self.visit.findings])
        return [
            self.say(
                full=(f"Examination showed {found}", f"I found {found}", f"On examination there was {found}", f"{self.he} had {found}"),
                clipped=(f"O/E {found}", f"Exam: {found}", found),
                talk=(f"when I examined {{him}} I found {found}", f"on exam, {found}"),
            )
        ] if found else []  # fmt: skip

    def results(self) -> list[str]:
        return [self.result(test.name, test.result) for test in self.visit.tests]

    def result(self, name: str, result: str) -> str:
        plural = name.endswith("s") and not name.endswith("is")
        was = "were" if plural else "was"
        if result[0].isdigit() or result.startswith(("under", "over")):
            verb = self.rng.choice((was, "came back at", "measured"))
        else:
            verb = was if result.startswith(_PREDICATES) else self.rng.choice(("showed", "revealed"))
        # A later visit quotes the result that began the story, not today's.
        lead = self.rng.choice(("at the first visit ", "before treatment ")) if self.visit.outcome else ""
        plain = f"{lead}the {midway(name)} {verb} {result}"
        brief = f"{'Initial ' if lead else ''}{name}"
        return self.say(full=(plain,), clipped=(f"{brief}: {result}", f"{brief} {result}"), talk=(plain,))

    def suspicion(self) -> list[str]:
        """What a referrer makes of it before anything is proven."""
        suspected = self.visit.case.script.suspected
        return [
            self.say(
                full=(f"I am sending this as {suspected}", f"My working label is {suspected}"),
                clipped=(f"Query: {suspected}", f"? {suspected}"),
                talk=(f"I'm calling it {suspected} for now",),
            )
        ]

    def assessment(self) -> list[str]:
        problem = self.visit.case.script.problem
        if self.visit.outcome is not None:
            how = (
                ("doing better", "on the mend", "settling")
                if self.visit.improved
                else ("not where we want it", "still active")
            )
            return [self.tidy(f"{problem}, {self.rng.choice(how)}")]
        return [
            self.say(
                full=(f"The picture is that of {problem}", f"My impression is {problem}", f"Taken together this is {problem}"),
                clipped=(f"Imp: {problem}", f"= {problem}", f"Dx {problem}"),
                talk=(f"I think we're dealing with {problem}", f"so that's {problem}"),
            )
        ]  # fmt: skip

    def order(self, order: Order) -> str:
        drug, dose = order.drug, prescription(order, self.form)
        if order.verb == "increase":
            rise = f"{drug.name} from {drug.dose} to {drug.step}"
            return self.say(full=(f"I have raised {rise}", f"{rise} from today"), clipped=(f"up {rise}", f"increase {rise}"), talk=(f"we're bumping {rise}",))  # fmt: skip
        if order.verb == "continue":
            return self.say(full=(f"{{He}} stays on {dose}", f"{dose} carries on unchanged"), clipped=(f"cont {dose}", f"same {dose}"), talk=(f"{dose} stays as it is",))  # fmt: skip
        return self.say(
            full=(f"I have prescribed {dose}", f"{{He}} will take {dose}", f"Treatment: {dose}"),
            clipped=(f"Rx {dose}", f"begin {dose}", f"+ {dose}"),
            talk=(f"I'm putting {{him}} on {dose}", f"{{he}} gets {dose}"),
        )

    def orders(self) -> list[str]:
        return [self.order(order) for order in self.visit.orders]

    def plan(self) -> list[str]:
        return [
            self.say(
                full=(
                    f"We will {item.written}",
                    f"The next step is to {item.written}",
                    f"I would like to {item.written}",
                ),
                clipped=(item.written,),
                talk=(f"we'll {item.written}", f"plan is to {item.written}"),
            )
            for item in self.visit.plan
        ]

    def back(self) -> list[str]:
        back, warn = self.visit.case.back, self.visit.case.script.warn
        next_time = (
            [f"Dr. {self.visit.colleague.last_name()} will stand in for me then."]
            if self.visit.handover
            else []
        )
        return [
            self.say(
                full=(f"I will see {{him}} again in {back}, earlier if there is {warn}", f"Review is set for {back} from now; {warn} should bring {{him}} back at once", f"{{He}} knows to call about {warn}, and otherwise comes back in {back}"),
                clipped=(f"RTC {back}. Red flags: {warn}", f"Back {back}; sooner if {warn}"),
                talk=(f"back in {back}, told {{him}} to call for {warn}", f"see {{him}} in {back} unless there's {warn}"),
            ),
            *next_time,
        ]  # fmt: skip

    def routine(self) -> list[str]:
        """What every chart holds and no summary needs."""
        return self.rng.sample(_ROUTINE, {"short": 1, "usual": 3, "long": 10}[self.visit.length])

    def aside(self, kind: Kind) -> str:
        return self.tidy(asides.jotted(self.rng, self.patient, kind))
