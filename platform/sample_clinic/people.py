"""The clinic's people: patients with their identifiers and background, and clinicians with their habits.

Every identity value is visibly invented: 555 phones, example.org mails, social security numbers from 900 up.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from random import Random
from typing import TypeVar

from privacy.kinds import Kind
from sample_clinic import surrogates
from sample_clinic.marks import mark
from sample_clinic.script import Drug, Script

_T = TypeVar("_T")
MANNERS = ("headed", "terse", "prose", "dictated", "bulleted", "letters", "chatty")
BACKGROUNDS: dict[str, Drug] = {
    "hypertension": Drug("lisinopril", "10 mg", "once daily"),
    "type 2 diabetes": Drug("metformin", "500 mg", "twice daily"),
    "hypothyroidism": Drug("levothyroxine", "88 mcg", "every morning"),
    "hyperlipidemia": Drug("pravastatin", "40 mg", "at bedtime"),
    "acid reflux": Drug("omeprazole", "20 mg", "once daily"),
    "asthma": Drug("albuterol inhaler", "90 mcg", "as needed"),
    "gout": Drug("allopurinol", "100 mg", "once daily"),
    "knee osteoarthritis": Drug("acetaminophen", "1000 mg", "three times daily"),
    "benign prostatic enlargement": Drug("tamsulosin", "0.4 mg", "at bedtime"),
}
# What each allergy rules out, as it would show in a script.
ALLERGIES: dict[str, tuple[str, ...]] = {
    "penicillin": ("cef",),
    "sulfa drugs": ("furosemide", "chlorthalidone", "dapsone", "tamsulosin"),
    "codeine": ("oxycodone", "morphine"),
    "latex": (),
    "shellfish": ("shellfish",),
    "adhesive tape": ("patch",),
}
_YOUNG_BACKGROUNDS = ("asthma", "hypothyroidism", "acid reflux")
_KIN = ("daughter", "son", "sister", "brother", "niece")
_MALE = ("father", "son", "brother")
_DATE_FORMATS = (
    "{0:%B} {0.day}, {0.year}",
    "{0:%m/%d/%Y}",
    "{0.day} {0:%b %Y}",
    "{0:%Y-%m-%d}",
    "{0.month}/{0.day}/{0:%y}",
)


@dataclass(frozen=True)
class Patient:
    """A patient; ``values`` holds one identifier of each kind a record may mention."""

    key: str
    first: str
    last: str
    sex: str
    born: date
    relative: str  # given name
    relation: str  # "daughter"
    job: str
    workplace: str  # employer, or a child's school
    town: str
    allergy: str  # "" where there is none
    background: str  # "" where there is none
    values: dict[Kind, str]

    def years(self, on: date) -> int:
        return on.year - self.born.year - ((on.month, on.day) < (self.born.month, self.born.day))

    def age(self, on: date) -> str:
        """The age in years; over 89 it is an identifier (Safe Harbor, paragraph C)."""
        years = self.years(on)
        return mark(Kind.AGE, str(years)) if years > 89 else str(years)

    def is_child(self, on: date) -> bool:
        return self.years(on) < 18

    def noun(self, on: date) -> str:
        if self.is_child(on):
            return "girl" if self.sex == "F" else "boy"
        return "woman" if self.sex == "F" else "man"

    def full_name(self) -> str:
        return mark(Kind.NAME, f"{self.first} {self.last}")

    def title_name(self, on: date) -> str:
        if self.is_child(on):
            return mark(Kind.NAME, self.first)
        return ("Ms. " if self.sex == "F" else "Mr. ") + mark(Kind.NAME, self.last)

    def initials(self) -> str:
        return mark(Kind.NAME, f"{self.first[0]}.{self.last[0]}.")

    def value(self, kind: Kind) -> str:
        return mark(kind, self.values[kind])


@dataclass(frozen=True)
class Author:
    """A clinician and the habits that make the writing recognizable."""

    first: str
    last: str
    specialty: str
    manner: str
    hospital: str
    town: str
    date_format: str
    habit: int  # picks the same heading or phrase each time
    typos: float  # chance of a slip in a sentence
    license: str
    phone: str
    fax: str

    def name(self) -> str:
        return mark(Kind.NAME, f"{self.first} {self.last}")

    def last_name(self) -> str:
        return mark(Kind.NAME, self.last)

    def place(self) -> str:
        return mark(Kind.ORGANIZATION, self.hospital)

    def day(self, on: date) -> str:
        return mark(Kind.DATE, self.date_format.format(on))

    def license_number(self) -> str:
        return "license " + mark(Kind.LICENSE, self.license)

    def usual(self, options: tuple[_T, ...]) -> _T:
        return options[self.habit % len(options)]


def phone(rng: Random) -> str:
    number = f"555-01{rng.randint(0, 99):02d}"
    area = rng.randint(201, 989)
    return rng.choice(
        (f"({area}) {number}", f"{area}-{number}", number, f"{area}.{number.replace('-', '.')}")
    )


def make_author(rng: Random, specialty: str, last: str, number: int) -> Author:
    return Author(
        first=rng.choice(surrogates.WOMEN + surrogates.MEN),
        last=last,
        specialty=specialty,
        manner=MANNERS[number % len(MANNERS)],
        hospital=rng.choice(surrogates.HOSPITALS),
        town=rng.choice(surrogates.TOWNS),
        date_format=rng.choice(_DATE_FORMATS),
        habit=rng.randrange(1000),
        typos=rng.choice((0.0, 0.0, 0.04, 0.1)),
        license=f"{rng.choice('MDP')}D-{rng.randint(10000, 99999)}",
        phone=phone(rng),
        fax=phone(rng),
    )


def make_patient(rng: Random, key: str, script: Script, seen: date) -> Patient:
    """A patient whom the problem fits: age, sex, background and allergy do not clash with the script."""
    sex = script.sex or rng.choice("FM")
    first, last = rng.choice(surrogates.WOMEN if sex == "F" else surrogates.MEN), rng.choice(surrogates.LAST)
    years = _years(rng, script)
    born = date(seen.year - years, 1, 1) - timedelta(days=rng.randrange(20, 200))
    child = years < 18
    relation = rng.choice(("mother", "father") if child else _KIN if years > 50 else ("sister", "brother"))
    workplace, job = rng.choice(surrogates.EMPLOYERS)
    if child:
        workplace, job = rng.choice(surrogates.NURSERIES if years < 5 else surrogates.SCHOOLS), ""
    return Patient(
        key=key,
        first=first,
        last=last,
        sex=sex,
        born=born,
        relative=rng.choice(
            [name for name in (surrogates.MEN if relation in _MALE else surrogates.WOMEN) if name != first]
        ),
        relation=relation,
        job=job,
        workplace=workplace,
        town=rng.choice(surrogates.TOWNS),
        allergy=_allergy(rng, script),
        background=_background(rng, script, sex, years),
        values=_values(rng, first, last),
    )


def _years(rng: Random, script: Script) -> int:
    low, high = script.ages
    if high >= 92 and rng.random() < 0.35:
        return rng.randint(90, high)
    return rng.randint(low, min(high, 88))


def _allergy(rng: Random, script: Script) -> str:
    content = repr(script).lower()
    fitting = [name for name, words in ALLERGIES.items() if not any(word in content for word in words)]
    return rng.choice(fitting) if rng.random() < 0.6 else ""


def _background(rng: Random, script: Script, sex: str, years: int) -> str:
    if years < 18 or rng.random() < 0.25:
        return ""
    own = {drug.name for drug in script.drugs}
    fitting = [
        name
        for name, drug in BACKGROUNDS.items()
        if name not in script.excludes
        and drug.name not in own
        and (years >= 45 or name in _YOUNG_BACKGROUNDS)
        and (name != "benign prostatic enlargement" or (sex == "M" and years >= 60))
    ]
    return rng.choice(fitting)


def _values(rng: Random, first: str, last: str) -> dict[Kind, str]:
    def digits(count: int) -> str:
        return "".join(rng.choice("0123456789") for _ in range(count))

    def letters(count: int) -> str:
        return "".join(rng.choice("ABCDEFGHJKLMNPRSTUVWXYZ") for _ in range(count))

    user = f"{first}.{last}".lower().replace("'", "").replace("-", "")
    street = f"{rng.randint(11, 980)} {rng.choice(surrogates.STREETS)}"
    return {
        Kind.LOCATION: f"{street}, {rng.choice(surrogates.TOWNS)}, {rng.choice(surrogates.STATES)} 00{digits(3)}",
        Kind.PHONE: phone(rng),
        Kind.FAX: phone(rng),
        Kind.EMAIL: rng.choice((user, user[0] + last.lower().replace("'", ""), user + digits(2))) + rng.choice(("@example.org", "@mail.example.com", "@example.net")),
        Kind.SSN: rng.choice((f"9{digits(2)}-{digits(2)}-{digits(4)}", f"000-{digits(2)}-{digits(4)}")),
        Kind.MRN: rng.choice((digits(7), f"{letters(2)}-{digits(6)}", f"{digits(3)}-{digits(2)}-{digits(2)}", f"H{digits(6)}")),
        Kind.PLAN: rng.choice((f"{letters(3)}{digits(9)}", f"{letters(2)}-{digits(6)}", f"{digits(4)}-{letters(2)}-{digits(4)}")),
        Kind.ACCOUNT: rng.choice((f"ACCT-{digits(6)}", digits(10), f"{digits(4)}-{digits(4)}")),
        Kind.LICENSE: rng.choice((f"{letters(1)}{digits(7)}", f"{letters(2)}-{digits(5)}-{letters(1)}")),
        Kind.VEHICLE: rng.choice((f"{letters(3)} {digits(4)}", f"{letters(3)}-{digits(3)}", f"1{letters(3)}{digits(3)}{letters(2)}{digits(8)}")),
        Kind.DEVICE: rng.choice((f"SN {letters(2)}{digits(6)}", f"{letters(3)}-{digits(5)}", f"{digits(3)}-{letters(2)}-{digits(4)}")),
        Kind.URL: rng.choice((f"https://portal.example.org/u/{user}", f"www.{user}.example.com", f"https://chart.example.net/p/{digits(6)}")),
        Kind.IP: rng.choice((f"203.0.113.{rng.randint(2, 250)}", f"198.51.100.{rng.randint(2, 250)}", f"2001:db8::{digits(2)}:{digits(3)}")),
        Kind.BIOMETRIC: rng.choice((f"FP-{digits(5)}", f"VP-{letters(2)}{digits(4)}", f"IRIS-{digits(6)}")),
        Kind.PHOTO: rng.choice((f"IMG_{digits(4)}.jpg", f"face_{digits(5)}.png", f"DSC{digits(5)}.jpeg")),
        Kind.ID: rng.choice((f"ST-{digits(4)}-{letters(1)}", f"TRIAL-{digits(5)}", f"{letters(2)}{digits(2)}-{digits(4)}")),
    }  # fmt: skip
