"""Invented values of all eighteen Safe Harbor kinds, from Faker's locales and from lists written for this alone."""

import random
import string
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

from faker import Faker

LOCALES = ("en_US", "en_US", "en_GB", "en_IN", "es_MX", "fr_FR", "de_DE", "it_IT", "pl_PL", "vi_VN", "zh_CN")
OWN_NAMES = 0.35  # the share of names taken from phi_words.txt, two thirds of which no Faker locale has
SPOKEN = 0.1  # the share of numbers and addresses said aloud: "five five five, oh one two"
DIGITS = ("oh", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
TENS = {
    2: "twenty",
    3: "thirty",
    4: "forty",
    5: "fifty",
    6: "sixty",
    7: "seventy",
    8: "eighty",
    9: "ninety",
}
TEENS = "ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen".split()  # noqa: SIM905
ORDINALS = (  # noqa: SIM905
    "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth fourteenth "
    "fifteenth sixteenth seventeenth eighteenth nineteenth twentieth twenty-first twenty-second twenty-third "
    "twenty-fourth twenty-fifth twenty-sixth twenty-seventh twenty-eighth twenty-ninth thirtieth thirty-first"
).split()
STATES = ("AZ", "Ohio", "MN", "Georgia", "TX", "Maine", "NM", "CA", "Idaho", "WV", "NC", "Oregon")
# A slot of the carriers, and the kind of identifier it holds; a state is none.
SLOTS = {
    "name": "NAME", "given": "NAME", "surname": "NAME", "town": "LOCATION", "street": "LOCATION",
    "streetname": "LOCATION", "zip": "LOCATION", "state": "", "hospital": "ORGANIZATION",
    "employer": "ORGANIZATION", "date": "DATE", "monthyear": "DATE", "age": "AGE", "phone": "PHONE", "fax": "FAX",
    "email": "EMAIL", "ssn": "SSN", "mrn": "MRN", "plan": "PLAN", "mbi": "PLAN", "account": "ACCOUNT",
    "card": "ACCOUNT", "licence": "LICENSE", "dea": "LICENSE", "npi": "LICENSE", "plate": "VEHICLE",
    "vin": "VEHICLE", "device": "DEVICE", "url": "URL", "ip": "IP", "bio": "BIOMETRIC", "photo": "PHOTO", "id": "ID",
}  # fmt: skip


def read_sections(path: Path, separator: str) -> dict[str, list[str]]:
    """The entries of a word file by section; a section begins with ``# name``, one word, and other remarks are skipped."""
    sections: dict[str, list[str]] = {}
    entries: list[str] = []
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("# ") and " " not in line[2:]:
            entries = sections.setdefault(line[2:], [])
        elif line and not line.startswith("#"):
            entries.extend(entry.strip() for entry in line.split(separator))
    return sections


def two_digits(number: int) -> str:
    if number < 20:
        return DIGITS[number] if number < 10 else TEENS[number - 10]
    return TENS[number // 10] + (f"-{DIGITS[number % 10]}" if number % 10 else "")


class Values:
    """``make(slot)`` gives one value of a slot; everything follows from the seed."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._words = read_sections(Path(__file__).parent / "phi_words.txt", ",")
        self._fakers = {locale: Faker(locale) for locale in set(LOCALES)}
        for locale, faker in self._fakers.items():
            faker.seed_instance(f"{seed} {locale}")
        self._us = self._fakers["en_US"]

    def make(self, slot: str) -> str:
        maker: Callable[[], str] = getattr(self, f"_{slot}")
        return maker()

    def _pick(self, *options: str) -> str:
        return self._random.choice(options)

    def _word(self, section: str) -> str:
        return self._random.choice(self._words[section])

    def _pattern(self, *patterns: str) -> str:
        """One pattern filled: # a digit, @ a capital, * either."""
        pools = {"#": string.digits, "@": string.ascii_uppercase, "*": string.digits + string.ascii_uppercase}
        return "".join(self._random.choice(pools.get(c, c)) for c in self._pick(*patterns))

    def _aloud(self, number: str) -> str:
        """Some numbers said digit by digit, with a pause where a hyphen or bracket stood."""
        if self._random.random() >= SPOKEN:
            return number
        groups = "".join(c if c.isdigit() else " " for c in number).split()
        return ", ".join(" ".join(DIGITS[int(digit)] for digit in group) for group in groups)

    def _faker_name(self) -> tuple[str, str]:
        faker = self._fakers[self._pick(*LOCALES)]
        if hasattr(faker, "romanized_name"):
            given, surname = faker.romanized_name().split(" ", 1)
            return given, surname
        return faker.first_name(), faker.last_name()

    def _parts(self) -> tuple[str, str]:
        given, surname = self._faker_name()
        given = self._word("given") if self._random.random() < OWN_NAMES else given
        return given, self._word("surnames") if self._random.random() < OWN_NAMES else surname

    def _name(self) -> str:
        given, surname = self._parts()
        initial = self._random.choice(string.ascii_uppercase)
        plain = f"{given} {surname}"
        return self._pick(
            plain,
            plain,
            plain,
            f"{given} {initial}. {surname}",
            f"{given} {surname[0].upper()}.",
            f"{surname}, {given}",
        )

    def _given(self) -> str:
        return self._parts()[0]

    def _surname(self) -> str:
        return self._parts()[1]

    def _town(self) -> str:
        return self._pick(self._word("towns"), self._word("towns"), self._us.city())

    def _state(self) -> str:
        return self._pick(*STATES)

    def _zip(self) -> str:
        return self._pick(self._us.zipcode(), self._us.zipcode(), self._us.zipcode_plus4())

    def _streetname(self) -> str:
        suffix = self._pick("Street", "Road", "Lane", "Avenue", "Drive", "Court", "St.", "Ave", "Blvd", "Way")
        return f"{self._word('streets')} {suffix}"

    def _street(self) -> str:
        house = str(self._random.randint(2, 19999))
        return f"{house} {self._streetname()}" + self._pick(
            "", "", "", f", Apt {house[:2]}", f" Unit {house[0]}B"
        )

    def _hospital(self) -> str:
        invented = f"{self._parts()[1]} {self._pick('Memorial Hospital', 'Clinic', 'Medical Center')}"
        return self._pick(self._word("hospitals"), self._word("hospitals"), invented)

    def _employer(self) -> str:
        return self._pick(self._word("employers"), self._word("employers"), self._us.company())

    def _day(self) -> date:
        return date(1935, 1, 1) + timedelta(days=self._random.randrange(33_000))

    def _date(self) -> str:
        day = self._day()
        month, ordinal = f"{day:%B}", ORDINALS[day.day - 1]
        numbered = f"{day.day}{'th' if 10 <= day.day % 100 <= 20 else {1: 'st', 2: 'nd', 3: 'rd'}.get(day.day % 10, 'th')}"
        century, rest = divmod(day.year, 100)
        aloud = f"{two_digits(century)} {two_digits(rest)}" if century == 19 and rest > 9 else f"{day.year}"
        return self._pick(
            f"{day:%m/%d/%Y}", f"{day.month}/{day.day}/{day:%y}", f"{day:%m/%d}", f"{day:%Y-%m-%d}",
            f"{day.month}-{day.day}-{day.year}", f"{month} {day.day}, {day.year}", f"{month} {numbered}",
            f"{day.day} {day:%b} {day.year}", f"the {ordinal} of {month}", f"{month} {ordinal}", f"{day:%b} {day.day}",
            f"the {numbered} of {month}, {day.year}", f"{month} {ordinal}, {aloud}", f"{day:%d.%m.%Y}",
            f"{day:%A}, {month} {day.day}", f"{day:%d-%b-%Y}",
        )  # fmt: skip

    def _monthyear(self) -> str:
        day = self._day()
        return self._pick(f"{day:%B} {day.year}", f"{day:%b} {day.year}")

    def _age(self) -> str:
        years = self._random.randint(90, 104)
        aloud = two_digits(years) if years < 100 else "a hundred and " + DIGITS[max(years - 100, 1)]
        return self._pick(str(years), str(years), aloud)

    def _phone(self) -> str:
        return self._aloud(
            self._pattern(
                "(###) 555-####",
                "###-###-####",
                "###.###.####",
                "### ### ####",
                "+1 ### ### ####",
                "555-####",
            )
        )

    def _fax(self) -> str:
        return self._phone()

    def _email(self) -> str:
        given, surname = (
            "".join(c for c in part.lower() if c.isascii() and c.isalpha()) for part in self._parts()
        )
        domain = self._pick(
            "gmail.com", "yahoo.com", "mailbox.org", self._us.free_email_domain(), self._us.domain_name()
        )
        address = f"{given}{self._pick('.', '_', '', '-')}{surname}{self._pattern('', '##')}@{domain}"
        if self._random.random() < SPOKEN:
            return f"{given} dot {surname} at {domain.replace('.', ' dot ')}"
        return address

    def _ssn(self) -> str:
        return self._aloud(self._pattern("###-##-####", "###-##-####", "### ## ####", "#########"))

    def _mrn(self) -> str:
        return self._aloud(self._pattern("########", "###-##-##", "@@######", "######", "#########"))

    def _plan(self) -> str:
        return self._pattern("@@@#########", "####-####-##", "W#########", "@@-######", "#########-##")

    def _mbi(self) -> str:
        return self._pattern("1EG4-TE5-MK7#", "#@*#-@*#-@@##", "#@*#@*#@@##")

    def _account(self) -> str:
        return self._pattern("##########", "####-######", "@@@-######", "########")

    def _card(self) -> str:
        return self._us.credit_card_number("visa16")

    def _licence(self) -> str:
        return self._pattern("@#######", "@###-####-####", "########", "@@######", "ME #####")

    def _dea(self) -> str:
        letters = self._pattern("B@", "A@", "M@")
        digits = self._pattern("######")
        odd, even = (sum(map(int, digits[start::2])) for start in (0, 1))
        return f"{letters}{digits}{(odd + 2 * even) % 10}"

    def _npi(self) -> str:
        body = self._pattern("1########")
        doubled = "".join(str(int(d) * (2 - i % 2)) for i, d in enumerate(body))
        return body + str(-(24 + sum(map(int, doubled))) % 10)

    def _plate(self) -> str:
        return self._pattern("#@@@###", "@@@ ####", "@@@-####", "### @@@", "@@#-##@")

    def _vin(self) -> str:
        return self._us.vin()

    def _device(self) -> str:
        return self._pattern(
            "@@@#######", "@@##-######", "#########", "(01)00#########28(21)@###@", "@####@@"
        )

    def _url(self) -> str:
        word = self._us.domain_word()
        path = self._pattern("@@@##", "######").lower()
        return self._pick(
            f"https://www.{word}.com/{path}",
            f"www.{word}.org",
            f"http://{word}.net/u/{path}",
            f"{word}.com/{path}",
        )

    def _ip(self) -> str:
        return self._us.ipv6() if self._random.random() < 0.2 else self._us.ipv4()

    def _bio(self) -> str:
        return self._pattern("FP-#####", "BIO-@@####", "VP######", "#@#@-####-@@", "IR-##-####")

    def _photo(self) -> str:
        given = self._given().lower().replace(" ", "")
        return self._pick(
            self._pattern("IMG_####.jpg", "DSC#####.JPG", "IMG-202#####-WA####.jpeg"),
            f"{given}_face.png",
            f"{given}-frontal.jpg",
        )

    def _id(self) -> str:
        return self._pattern("@########", "##-######", "@@@-####-###", "#########", "S##-####")
