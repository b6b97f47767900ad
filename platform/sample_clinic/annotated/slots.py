"""What stands in a carrier's {slots}: marked identifiers in the many forms people write, and harmless words beside them."""

import re
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from random import Random

from privacy import lexicon
from privacy.kinds import Kind
from sample_clinic.annotated import dates, numbers
from sample_clinic.annotated.sources import Sources
from sample_clinic.marks import mark

_HERE = Path(__file__).parent
_SLOT = re.compile(r"\{(\w+)\}")
_TITLES = ("Mr.", "Mrs.", "Ms.", "Miss", "Mr", "Mrs", "Ms")
_CREDENTIALS = ("MD", "M.D.", "DO", "RN", "NP", "PA-C", "PhD", "DPM", "LCSW", "PharmD", "FACS", "PT", "BSN")
_HOSPITAL_ENDS = (
    "Hospital", "Medical Center", "General Hospital", "Memorial Hospital", "Clinic", "Community Hospital", "Regional Medical Center",
    "Children's Hospital", "University Hospital", "Health System", "Health", "Cancer Center", "Family Practice", "Urgent Care",
    "Surgery Center", "Imaging", "Psychiatry", "Oncology", "Pediatrics", "Dermatology", "Eye Center", "Sleep Center", "Rehabilitation",
    "Women's Health", "Primary Care", "Pain Center", "Dialysis", "Heart Institute", "Walk-in Clinic", "Radiology", "Orthopedics", "Cardiology Associates", "Medical Group", "Infirmary", "VA Medical Center", "General", "Memorial",
)  # fmt: skip
_SAINTS = (
    "Mary",
    "Luke",
    "Jude",
    "Vincent",
    "Joseph",
    "Anne",
    "John",
    "Francis",
    "Elizabeth",
    "Mark",
    "Agnes",
    "Barnabas",
)
_COMPANY_ENDS = (
    "Inc.", "LLC", "Ltd", "Corporation", "Group", "& Sons", "Logistics", "Foods", "Insurance", "Bank", "Construction", "Trucking",
    "Plastics", "Seafoods", "Daycare", "Dairy", "Paper", "Freight", "Landscaping", "Roofing", "Steel", "Auto Body", "Catering", "Nurseries",
    "Consulting", "Credit Union", "Textiles", "Brewing", "Diner", "Fitness", "Storage", "Security", "Staffing", "Farms", "Bakery", "Motors", "Electric", "Airlines", "Hardware", "Plumbing", "Software", "Partners", "Law Firm", "Industries",
)  # fmt: skip
_SCHOOL_ENDS = (
    "High School",
    "Elementary School",
    "University",
    "College",
    "Middle School",
    "Academy",
    "Community College",
)
_KIN = (
    "wife", "husband", "mother", "father", "daughter", "son", "sister", "brother", "aunt", "uncle", "cousin", "niece", "nephew",
    "grandmother", "grandfather", "granddaughter", "partner", "friend", "neighbor", "roommate", "boss", "stepson", "caregiver", "fiancé",
)  # fmt: skip
_PARTICLES = ("de", "de la", "van", "van der", "von", "al-", "El ", "O'", "Mc", "da", "di", "Le ", "St. ")
_DIRECTIONS = (
    "North",
    "South",
    "East",
    "West",
    "Old",
    "New",
    "Upper",
    "Lower",
    "Port",
    "Mount",
    "Lake",
    "Fort",
    "San",
    "Santa",
    "El",
    "Los",
)
_NATURE = (
    "Kettle", "Prairie", "Stone", "Aspen", "Marigold", "Lumen", "Harbor", "Cedar", "Willow", "Summit", "Eagle", "Blue", "Silver", "Red", "Granite", "Maple",
    "Sun", "River", "Meadow", "Falcon", "Beacon", "Copper", "Golden", "Lake", "Ocean", "Pine", "Valley", "Heron", "Liberty", "Anchor", "Fox", "Birch",
)  # fmt: skip
_FEATURES = (
    "Ridge",
    "Hollow",
    "Sky",
    "Brook",
    "Creek",
    "Moraine",
    "Point",
    "View",
    "Gate",
    "Field",
    "Wood",
    "Bay",
    "Hill",
    "Crossing",
    "Grove",
    "Chase",
)
_VIRTUES = (
    "Good Samaritan",
    "Sacred Heart",
    "Holy Cross",
    "Mercy",
    "Providence",
    "Good Shepherd",
    "Trinity",
    "Our Lady of Grace",
    "Bon Secours",
)
_STATES = (
    "Ohio",
    "Texas",
    "Oregon",
    "Vermont",
    "Georgia",
    "Nebraska",
    "Maine",
    "Florida",
    "California",
    "Iowa",
    "Utah",
    "Montana",
    "Kansas",
)
_CODES = (
    "OH",
    "TX",
    "OR",
    "VT",
    "GA",
    "NE",
    "ME",
    "FL",
    "CA",
    "IA",
    "UT",
    "MT",
    "KS",
    "NY",
    "MA",
    "PA",
    "IL",
    "WI",
    "MN",
    "WA",
)


@cache
def medicine() -> Mapping[str, tuple[str, ...]]:
    """The groups of medicine.txt."""
    groups: dict[str, tuple[str, ...]] = {}
    text = (_HERE / "medicine.txt").read_text(encoding="utf-8")
    for name, body in re.findall(r"^\[(\w+)\]\n(.*?)(?=^\[|\Z)", text, re.MULTILINE | re.DOTALL):
        groups[name] = tuple(entry.strip() for entry in re.split(r"[|\n]", body) if entry.strip())
    return groups


@cache
def _eponyms() -> tuple[str, ...]:
    return tuple(sorted(lexicon.words("eponyms")))


@cache
def _names_that_are_words() -> tuple[str, ...]:
    """Summer, Grace, Hunter: given names of here that the reader knows as words first."""
    return tuple(
        sorted(word.capitalize() for word in lexicon.familiar_given_names() & lexicon.words("ordinary"))
    )


class Slots:
    """Draws for one text. The same Random gives the same draws; every identifier comes marked."""

    def __init__(self, rng: Random, sources: Sources) -> None:
        self.rng, self.sources = rng, sources
        self.woman = rng.random() < 0.5

    def fill(self, carrier: str) -> str:
        return _SLOT.sub(lambda match: self.draw(match[1]), carrier)

    def draw(self, slot: str) -> str:
        if slot in _PLAIN:
            return str(self.rng.choice(_PLAIN[slot]))
        if slot in medicine():
            return self.rng.choice(medicine()[slot])
        draw: Callable[[], str] = getattr(self, slot)
        return draw()

    def _name(self, value: str) -> str:
        return mark(Kind.NAME, value)

    def _place(self, value: str) -> str:
        return mark(Kind.LOCATION, value)

    # -- people

    def _a_given(self) -> str:
        chance = self.rng.random()
        if chance < 0.04:
            return self._blend(self.sources.women)
        if chance < 0.12:
            return self.rng.choice(_names_that_are_words())
        both = self.sources.women if self.rng.random() < (0.85 if self.woman else 0.15) else self.sources.men
        name = self.rng.choice(both)
        return f"{name}-{self.rng.choice(both)}" if self.rng.random() < 0.02 else name

    def _a_surname(self) -> str:
        chance = self.rng.random()
        name = self._blend(self.sources.surnames) if chance < 0.12 else self.rng.choice(self.sources.surnames)
        if chance > 0.96:
            return (
                f"{self.rng.choice(_PARTICLES)} {name}".replace("- ", "-")
                .replace("  ", " ")
                .replace("' ", "'")
                .replace("Mc ", "Mc")
            )
        if chance > 0.92:
            return f"{name}{self.rng.choice('- ')}{self.rng.choice(self.sources.surnames)}"
        return name

    def _blend(self, pool: list[str]) -> str:
        """A name in no list: the head of one and the tail of another."""
        head, tail = self.rng.choice(pool), self.rng.choice(pool)
        return (head[: max(2, len(head) // 2 + 1)] + tail[len(tail) // 2 :]).replace(" ", "").capitalize()

    def given(self) -> str:
        return self._name(self._a_given())

    def last(self) -> str:
        return self._name(self._a_surname())

    def middle(self) -> str:
        return self._name(self._a_given())

    def initial(self) -> str:
        return self._name(self.rng.choice("ABCDEFGHJKLMNPRSTVW"))

    def initials(self) -> str:
        letters = self.rng.sample("ABCDEFGHJKLMNPRSTVW", 2)
        return self._name(self.rng.choice((f"{letters[0]}.{letters[1]}.", f"{letters[0]}. {letters[1]}.")))

    def _full(self) -> str:
        first, last = self._a_given(), self._a_surname()
        letter = self.rng.choice("ABCDEFGHJKLMNPRSTW")
        forms = (
            (f"{first} {last}", 60), (f"{first} {letter}. {last}", 9), (f"{first} {letter} {last}", 5), (f"{first} {self._a_given()} {last}", 5),
            (f"{letter}. {last}", 5), (f"{first} {last[0]}.", 6), (f"{last}, {first}", 4), (f"{first}", 4), (f"{letter}.{self.rng.choice('ABCDEJKLM')}. {last}", 2),
        )  # fmt: skip
        return self.rng.choices([form for form, _ in forms], [weight for _, weight in forms])[0]

    def name(self) -> str:
        if self.rng.random() < 0.05:
            return f"{self.rng.choice(_TITLES)} {self._name(self._full())}"
        suffix = self.rng.choice((" Jr.", ", Jr.", " III", " Sr.")) if self.rng.random() < 0.03 else ""
        return self._name(self._full()) + suffix

    def lastfirst(self) -> str:
        middle = f" {self.rng.choice('ABCDEFGHJKLMNPRSTW')}." if self.rng.random() < 0.4 else ""
        last, first = self._a_surname(), self._a_given()
        return self._name(f"{last.upper() if self.rng.random() < 0.4 else last}, {first}{middle}")

    def titled(self) -> str:
        person = self._a_surname() if self.rng.random() < 0.7 else f"{self._a_given()} {self._a_surname()}"
        return f"{self.rng.choice(_TITLES)} {self._name(person)}"

    def doctor(self) -> str:
        person = self._a_surname() if self.rng.random() < 0.65 else f"{self._a_given()} {self._a_surname()}"
        if self.rng.random() < 0.1:
            return f"{self._name(person)}, {self.credential()}"
        return f"{self.rng.choice(('Dr.', 'Dr.', 'Dr', 'Doctor', 'Prof.', 'dr.'))} {self._name(person)}"

    def credential(self) -> str:
        return self.rng.choice(_CREDENTIALS)

    def kin(self) -> str:
        return self.rng.choice(_KIN)

    def person(self) -> str:
        return self.rng.choice(
            ("woman", "female", "lady", "girl") if self.woman else ("man", "male", "gentleman", "boy")
        )

    def possessive(self) -> str:
        return "her" if self.woman else "his"

    def pronoun(self) -> str:
        return "she" if self.woman else "he"

    def sex(self) -> str:
        return self.rng.choice(("F", "female")) if self.woman else self.rng.choice(("M", "male"))

    # -- places and organizations

    def _a_town(self) -> str:
        chance = self.rng.random()
        if chance < 0.12:
            return self._blend(self.sources.towns) + self.rng.choice(
                ("", "ville", "ton", " Falls", " Springs", "burg", " Heights", " County")
            )
        if chance < 0.2:
            return f"{self.rng.choice(_DIRECTIONS)} {self.rng.choice(self.sources.surnames)}"
        return self.rng.choice(self.sources.towns)

    def town(self) -> str:
        town = self._place(self._a_town())
        chance = self.rng.random()
        if chance < 0.12:
            return f"{town}, {self.rng.choice(_CODES)}"
        return f"{town}, {self.rng.choice(_STATES)}" if chance < 0.2 else town

    def street(self) -> str:
        return self._place(self.rng.choice(self.sources.streets))

    def address(self) -> str:
        street, town, zipcode = (
            self.rng.choice(self.sources.streets),
            self._a_town(),
            numbers.zip_code(self.rng),
        )
        ending = self.rng.choice(
            (
                f"{town}, {self.rng.choice(_CODES)} {zipcode}",
                f"{zipcode} {town}",
                town,
                f"{town} {zipcode}",
                f"{town}, {self.rng.choice(_STATES)} {zipcode}",
            )
        )
        return self._place(f"{street}{self.rng.choice((', ', ', ', ' '))}{ending}")

    def addressblock(self) -> str:
        street, town, zipcode = (
            self.rng.choice(self.sources.streets),
            self._a_town(),
            numbers.zip_code(self.rng),
        )
        unit = (
            f" {self.rng.choice(('Apt.', 'Suite', 'Unit', '#', 'Floor'))} {self.rng.randrange(1, 999)}"
            if self.rng.random() < 0.4
            else ""
        )
        country = self.rng.choice(lexicon.lines("countries")) if self.rng.random() < 0.4 else ""
        lines = self.rng.choice(
            (
                f"{street}{unit}\n{town}, {self.rng.choice(_CODES)} {zipcode}",
                f"{street}{unit}\n{zipcode} {town}\n{country}".rstrip(),
                f"{street}{unit}\n {town}\n {country} {zipcode}",
                f"{street}{unit}\n{town}\n{zipcode}",
                f"{street}{unit}\n{town}\n, {self.rng.choice(_CODES)}\n {country} {zipcode}",
            )
        )
        return self._place(lines)

    def zip(self) -> str:
        return self._place(numbers.zip_code(self.rng))

    def hospital(self) -> str:
        chance = self.rng.random()
        if chance < 0.2:
            name = f"St. {self.rng.choice(_SAINTS)}{self.rng.choice(('’s', chr(39) + 's', ''))} {self.rng.choice(('', *_HOSPITAL_ENDS))}".strip()
        elif chance < 0.5:
            name = f"{self._a_town()} {self.rng.choice(_HOSPITAL_ENDS)}"
        elif chance < 0.58:
            name = f"{self.rng.choice(_VIRTUES)} {self.rng.choice(('of ' + self._a_town(), *_HOSPITAL_ENDS))}"
        elif chance < 0.82:
            name = f"{self._of_nature()} {self.rng.choice(_HOSPITAL_ENDS)}"
        else:
            name = f"{self._a_surname()} {self.rng.choice(_HOSPITAL_ENDS)}"
        return mark(Kind.ORGANIZATION, name)

    def _of_nature(self) -> str:
        """As clinics and firms like to be called: "Kettle Moraine", "Valley of the Sun"."""
        if self.rng.random() < 0.06:
            return f"{self.rng.choice(_FEATURES)} of the {self.rng.choice(_NATURE)}"
        return f"{self.rng.choice(_NATURE)} {self.rng.choice(('', *_FEATURES))}".strip()

    def pharmacy(self) -> str:
        return mark(
            Kind.ORGANIZATION,
            f"{self._a_surname()} {self.rng.choice(('Pharmacy', 'Drugs', 'Apothecary', 'Drugstore'))}",
        )

    def nursinghome(self) -> str:
        return mark(
            Kind.ORGANIZATION,
            f"{self._a_town()} {self.rng.choice(('Manor', 'Nursing Home', 'Rehab', 'Care Center', 'Gardens', 'Hospice'))}",
        )

    def school(self) -> str:
        return mark(
            Kind.ORGANIZATION,
            f"{self.rng.choice((self._a_town, self._a_surname))()} {self.rng.choice(_SCHOOL_ENDS)}",
        )

    def employer(self) -> str:
        chance = self.rng.random()
        if chance < 0.4:
            return mark(Kind.ORGANIZATION, self.rng.choice(self.sources.companies))
        if chance < 0.55:
            return mark(Kind.ORGANIZATION, self._blend(self.sources.surnames))
        if chance < 0.72:
            return mark(Kind.ORGANIZATION, f"{self._of_nature()} {self.rng.choice(_COMPANY_ENDS)}")
        if chance < 0.8:
            return mark(Kind.ORGANIZATION, f"{self._a_surname()} and {self._a_surname()}")
        return mark(Kind.ORGANIZATION, f"{self._a_surname()} {self.rng.choice(_COMPANY_ENDS)}")

    # -- dates, ages, numbers

    def date(self) -> str:
        return mark(Kind.DATE, dates.full(self.rng))

    def monthyear(self) -> str:
        return mark(Kind.DATE, dates.month_and_year(self.rng))

    def dayofmonth(self) -> str:
        return mark(Kind.DATE, dates.without_year(self.rng))

    def monthname(self) -> str:
        return mark(Kind.DATE, dates.month(self.rng))

    def oldage(self) -> str:
        ones = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
        said = (
            f"ninety{self.rng.choice('- ')}{self.rng.choice(ones)}",
            f"a hundred and {self.rng.choice(ones)}",
            "one hundred",
        )
        return mark(
            Kind.AGE, self.rng.choice(said) if self.rng.random() < 0.3 else str(self.rng.randrange(90, 108))
        )

    def spoken(self) -> str:
        return mark(Kind.ID, numbers.spoken(self.rng))

    def phone(self) -> str:
        return mark(Kind.PHONE, numbers.phone(self.rng))

    def ssn(self) -> str:
        return mark(Kind.SSN, numbers.pattern(self.rng, "###-##-####"))

    def idnumber(self) -> str:
        return mark(Kind.ID, numbers.identifier(self.rng))

    def plate(self) -> str:
        return mark(
            Kind.VEHICLE,
            numbers.pattern(self.rng, self.rng.choice(("@@@-####", "#@@@###", "@@@ ###", "@@##@@@"))),
        )

    def filename(self) -> str:
        return mark(Kind.PHOTO, numbers.file_name(self.rng))

    def email(self) -> str:
        first, last = lexicon.fold(self._a_given()), lexicon.fold(self._a_surname())
        return mark(Kind.EMAIL, numbers.email(self.rng, first, last))

    def username(self) -> str:
        first, last = lexicon.fold(self._a_given()), lexicon.fold(self._a_surname())
        return mark(Kind.ID, numbers.user_name(self.rng, first, last))

    def url(self) -> str:
        return mark(Kind.URL, numbers.url(self.rng, lexicon.fold(self._a_surname())))

    def ip(self) -> str:
        return mark(Kind.IP, ".".join(str(self.rng.randrange(1, 255)) for _ in range(4)))

    # -- what must be left alone

    def eponym(self) -> str:
        who = self.rng.choice(_eponyms()).capitalize()
        return f"{who}{self.rng.choice(('', '', chr(39) + 's', '’s'))} {self.rng.choice(medicine()['eponym_noun'])}"

    def eponymword(self) -> str:
        word = self.rng.choice(_eponyms()).capitalize()
        return f"{word}'s" if self.rng.random() < 0.25 else word

    def dose(self) -> str:
        return f"{self.rng.choice((2.5, 5, 10, 12.5, 20, 25, 40, 50, 75, 81, 100, 150, 200, 250, 325, 500, 850, 1000))} {self.rng.choice(('mg', 'mcg', 'mL', 'units', 'mg'))}"

    def labvalue(self) -> str:
        return self.rng.choice(
            (
                f"{self.rng.uniform(0, 20):.1f}",
                f"{self.rng.randrange(4, 400)}",
                f"{self.rng.uniform(4, 12):.1f} %",
                f"{self.rng.randrange(1, 300)} mg/dL",
            )
        )

    def bp(self) -> str:
        return f"{self.rng.randrange(90, 190)}/{self.rng.randrange(50, 110)}"


_PLAIN: Mapping[str, tuple[object, ...] | range] = {
    "age": range(1, 90),
    "smallnumber": range(1, 9),
    "pulse": range(50, 120),
    "year": range(1950, 2027),
    "weekday": ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
    "state": _STATES,
    "statecode": _CODES,
    "country": tuple(name for name in lexicon.lines("countries") if len(name) < 20),
    "roman": ("I", "II", "III", "IV"),
    "letter": ("A", "B", "C"),
}
