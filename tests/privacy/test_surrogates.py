"""Made-up words in identifiers' place: one person stays one, intervals stay, and nothing of the original does."""

import re
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from privacy.kinds import Kind, Span
from privacy.operators import MASK, Operator, apply
from privacy.placeholders import PLACEHOLDER, Replacement
from privacy.recognizers import checksums
from privacy.surrogates import surrogate_texts
from privacy.surrogates.keyed import folded
from privacy.zip3 import RESTRICTED, allowed_prefix

KEY, OTHER_KEY = b"a" * 32, b"b" * 32
KEYS = st.binary(min_size=32, max_size=32)


def replaced(*identifiers: tuple[Kind, str], key: bytes = KEY, operator: str = "surrogate") -> Replacement:
    """The identifiers in a text of their own, one after another."""
    text, spans = "", []
    for kind, value in identifiers:
        spans.append(Span(len(text), len(text) + len(value), kind))
        text += f"{value} | "
    return apply(operator, [text], [spans], key=key)


def made(kind: Kind, *values: str, key: bytes = KEY) -> list[str]:
    done = replaced(*[(kind, value) for value in values], key=key)
    return [placed.placeholder for placed in done.spans[0]]


def one(kind: Kind, value: str, key: bytes = KEY) -> str:
    return made(kind, value, key=key)[0]


@given(KEYS)
@settings(max_examples=50, deadline=None)
def test_a_person_and_a_relative_stay_who_they_are(key: bytes) -> None:
    full, comma, surname, given_name, initial, relative, possessive = made(
        Kind.NAME,
        "Anna B. Smith",
        "SMITH, Anna",
        "Mrs. Smith",
        "Anna",
        "A. Smith",
        "Paul Smith",
        "Smith's",
        key=key,
    )
    first, middle, last = full.split()
    assert comma == f"{last.upper()}, {first}"
    assert (surname, given_name, initial) == (f"Mrs. {last}", first, f"{first[0]}. {last}")
    assert relative.split()[1] == last != relative.split()[0]
    assert relative.split()[0] != first
    assert possessive == f"{last}'s"
    assert re.fullmatch(r"[A-Z]\.", middle)


def test_a_patient_s_surrogates_are_the_same_in_every_record_and_another_patient_s_are_others() -> None:
    values = [(Kind.NAME, "Anna Smith"), (Kind.PHONE, "415-555-2671"), (Kind.DATE, "May 3rd, 2021")]
    alone = [replaced(value).texts[0] for value in values]
    together = replaced(*reversed(values)).texts[0]
    assert all(text.strip(" |") in together for text in alone)
    assert all(
        replaced(value, key=OTHER_KEY).texts[0] != text for value, text in zip(values, alone, strict=True)
    )


def test_an_initial_alone_in_another_record_still_fits_the_name() -> None:
    for key in (KEY, OTHER_KEY):
        first, last = one(Kind.NAME, "Anna Smith", key).split()
        assert one(Kind.NAME, "A.S.", key) == f"{first[0]}.{last[0]}."
        assert one(Kind.NAME, "A. Smith", key) == f"{first[0]}. {last}"


@pytest.mark.parametrize(
    ("value", "form"),
    [
        ("SMITH, JOHN", r"[A-Z]+, [A-Z]+"),
        ("john smith", r"[a-z]+ [a-z]+"),
        ("Dr. John A. Smith, MD", r"Dr\. [A-Z][a-z]+ [A-Z]\. [A-Z][a-z]+, MD"),
        ("Mary-Jane O'Neil", r"[A-Z][a-z]+-[A-Z][a-z]+ [A-Z][a-z]+"),
        ("Jan van der Berg", r"[A-Z][a-z]+ van der [A-Z][a-z]+"),
        ("John Smith Jr.", r"[A-Z][a-z]+ [A-Z][a-z]+ Jr\."),
        ("J.S.", r"[A-Z]\.[A-Z]\."),
        ("JS", r"[A-Z]{2}"),
        ("Ömer Çelik", r"[A-Z][a-z]+ [A-Z][a-z]+"),
    ],
)
def test_a_name_keeps_its_form(value: str, form: str) -> None:
    assert re.fullmatch(form, one(Kind.NAME, value))


def test_digits_that_a_reviewer_took_for_part_of_a_name_do_not_stay() -> None:
    for key in (KEY, OTHER_KEY):
        made_up = one(Kind.NAME, "Mr. John Smith 4417823", key)
        assert re.fullmatch(r"Mr\. [A-Z][a-z]+ [A-Z][a-z]+ \d{7}", made_up)
        assert "4417823" not in made_up


@given(KEYS)
@settings(max_examples=30, deadline=None)
def test_men_and_women_stay_men_and_women(key: bytes) -> None:
    from privacy.surrogates.people import _all_names

    women, men = made(Kind.NAME, "Susan Miller", "Robert Miller", key=key)
    assert women.split()[0] in _all_names("female")
    assert men.split()[0] in _all_names("male")


def test_an_address_of_the_net_goes_with_its_owner() -> None:
    name, email = replaced((Kind.NAME, "Anna Smith"), (Kind.EMAIL, "anna.smith@alder-clinic.org")).spans[0]
    first, last = name.placeholder.lower().split()
    assert re.fullmatch(rf"{first}\.{last}@example\.(org|com|net)", email.placeholder)


@pytest.mark.parametrize(
    ("kind", "value", "form"),
    [
        (Kind.PHONE, "(415) 867-5309", r"\([2-9]{3}\) 555-01\d\d"),
        (Kind.PHONE, "+1 415 867 5309 ext. 12", r"\+1 [2-9]{3} 555 01\d\d ext\. \d\d"),
        (Kind.FAX, "867-5309", r"555-01\d\d"),
        (Kind.SSN, "123-45-6789", r"9\d\d-[0-4]\d-\d{4}"),
        (Kind.SSN, "xxx-xx-6789", r"[a-z]{3}-[a-z]{2}-\d{4}"),
        (Kind.MRN, "MR-0048291", r"[A-Z]{2}-\d{7}"),
        (Kind.ID, "123-45-6789", r"9\d\d-[0-4]\d-\d{4}"),
        (Kind.IP, "10.0.0.1", r"(192\.0\.2|198\.51\.100|203\.0\.113)\.\d+"),
        (Kind.IP, "fe80::1", r"2001:db8::[0-9a-f]+"),
        (
            Kind.URL,
            "https://portal.alder.org/p/anna-smith",
            r"https://[a-z]{6}\.example\.(org|com|net)/[0-9a-f]{6}",
        ),
        (Kind.URL, "www.alder.com", r"www\.[a-z]{6}\.example\.(org|com|net)"),
        (Kind.PHOTO, "anna_smith_face.jpg", r"[a-z]{4}_[a-z]{5}_[a-z]{4}\.jpg"),
        (Kind.DEVICE, "00:1A:2B:3C:4D:5E", r"([0-9A-F]{2}:){5}[0-9A-F]{2}"),
        (Kind.BIOMETRIC, "FP-2231-a", r"[A-Z]{2}-\d{4}-[a-z]"),
        (
            Kind.LOCATION,
            "12 Main St., Apt 4, Boston, MA 02115",
            r"\d\d [A-Z][a-z]+ St\., Apt \d, [A-Z][a-z]+, MA 021\d\d",
        ),
        (Kind.LOCATION, "BOSTON", r"[A-Z]{6,}"),
        (Kind.LOCATION, "5th Avenue", r"\d(st|nd|rd|th) Avenue"),
        (Kind.LOCATION, "03601", r"000\d\d"),
        (Kind.ORGANIZATION, "Mayo Clinic in Rochester, MN", r"[A-Z][a-z]+ Clinic in [A-Z][a-z]+, MN"),
        (Kind.ORGANIZATION, "MGH", r"[A-Z]{3}"),
        (Kind.ORGANIZATION, "General Hospital", r"[A-Z][a-z]{5,} Hospital"),
        (Kind.AGE, "94", "over 89"),
        (Kind.AGE, "ninety-four", "over 89"),
        (Kind.AGE, "nonagenarian", "person over 89"),
    ],
)
def test_the_way_of_writing_is_kept(kind: Kind, value: str, form: str) -> None:
    for key in (KEY, OTHER_KEY):
        assert re.fullmatch(form, one(kind, value, key))


@given(KEYS)
@settings(max_examples=40, deadline=None)
def test_no_made_up_number_passes_the_check_of_a_real_one(key: bytes) -> None:
    card, npi, vin, iban, dea = made(
        Kind.ACCOUNT, "4111 1111 1111 1111", "1234567893", "1HGCM82633A004352", "GB82WEST12345698765432", "AB1234563",
        key=key,
    )  # fmt: skip
    assert not checksums.luhn(card)
    assert not checksums.npi(npi)
    assert not re.fullmatch(r"[A-HJ-NPR-Z0-9]{17}", vin) or not checksums.vin(vin)
    assert not checksums.iban(iban)
    assert not checksums.dea(dea)


@pytest.mark.parametrize("prefix", sorted(RESTRICTED))
def test_the_prefix_of_a_thinly_peopled_area_becomes_000(prefix: str) -> None:
    assert allowed_prefix(f"{prefix}01") == "000"


def test_17_prefixes_are_restricted_and_others_stand() -> None:
    assert len(RESTRICTED) == 17
    assert (
        allowed_prefix("02115-1234"),
        allowed_prefix("2115"),
        allowed_prefix("ab"),
        allowed_prefix(""),
    ) == (
        "021",
        "211",
        "000",
        "000",
    )


# -- dates ------------------------------------------------------------------------------------------------------

WRITTEN = {
    "05/03/2021": r"\d\d/\d\d/20\d\d",
    "5/3/21": r"\d{1,2}/\d{1,2}/2\d",
    "05/03": r"\d\d/\d\d",
    "2021-05-03": r"20\d\d-\d\d-\d\d",
    "2021-05-03T10:00:30Z": r"20\d\d-\d\d-\d\dT10:00:30Z",
    "20210503": r"20\d{6}",
    "202105031015": r"20\d{6}1015",
    "31.12.21": r"\d\d\.\d\d\.2\d",
    "05/2021": r"\d\d/20\d\d",
    "May 3rd": r"[A-Z][a-z]+ \d{1,2}(st|nd|rd|th)",
    "MAY 3, 2021": r"[A-Z]+ \d{1,2}, 20\d\d",
    "the third of May": r"the [a-z-]+ of [A-Z][a-z]+",
    "5 Jan": r"\d{1,2} [A-Z][a-z]{2}",
    "12-Mar-20": r"\d{1,2}-[A-Z][a-z]{2}-\d\d",
    "Jan. 5": r"[A-Z][a-z]{2}\.? \d{1,2}",
    "January": r"[A-Z][a-z]+",
    "mid-January": r"mid-[A-Z][a-z]+",
    "Sept '19": r"[A-Z][a-z]{2} '1\d",
    "Monday, May 3, 2021 at 10:30 am": r"Monday, [A-Z][a-z]+ \d{1,2}, 20\d\d at 10:30 am",
    "May third, two thousand nine": r"[A-Z][a-z]+ [a-z-]+, two thousand (eight|nine)",
    "the twenty-first of May, nineteen eighty-five": r"the [a-z-]+ of [A-Z][a-z]+, nineteen eighty-(four|five)",
    "Sept. 1-3": r"[A-Z][a-z]{2}\.? \d{1,2}-([A-Z][a-z]{2}\.? )?\d{1,2}",
    "December 30 to January 3, 2021": r"[A-Z][a-z]+ \d{1,2} to [A-Z][a-z]+ \d{1,2}, 20\d\d",
    "March to May 2021": r"[A-Z][a-z]+ to [A-Z][a-z]+ 20\d\d",
    "05/03-05/10": r"\d\d/\d\d-\d\d/\d\d",
    "Christmas": r"[A-Z][a-z]+ \d{1,2}",
}


@pytest.mark.parametrize("value", WRITTEN)
def test_a_date_is_moved_and_written_as_before(value: str) -> None:
    for key in (KEY, OTHER_KEY, b"c" * 32, b"d" * 32):
        moved = one(Kind.DATE, value, key)
        assert re.fullmatch(WRITTEN[value], moved)
        assert folded(value) not in folded(moved)


@given(KEYS, st.dates(date(1900, 1, 1), date(2030, 1, 1)), st.integers(1, 3000))
@settings(max_examples=60, deadline=None)
def test_intervals_and_weekdays_stay_and_no_date_does(key: bytes, first: date, gap: int) -> None:
    second = date.fromordinal(first.toordinal() + gap)
    written = [first.isoformat(), f"{second:%m/%d/%Y}"]
    moved = made(Kind.DATE, *written, key=key)
    if any(PLACEHOLDER.fullmatch(text) for text in moved):
        return  # one of them would have become the other's original
    before, after = (
        date.fromisoformat(moved[0]),
        date(int(moved[1][6:]), int(moved[1][:2]), int(moved[1][3:5])),
    )
    assert (after - before).days == gap
    assert (first - before).days in range(35, 330, 7)


@pytest.mark.parametrize(
    "value",
    [
        "yesterday week",
        "2/30/2021",
        "the 15th",
        "Easter",
        "Q1 2021",
        "summer of 2020",
        "2021",
        "May 3, June 4, July 5",
    ],
)
def test_a_date_in_a_form_nobody_understands_becomes_a_placeholder_and_never_stays(value: str) -> None:
    assert one(Kind.DATE, value) == "[DATE_1]"


@pytest.mark.parametrize("age", ["45", "89"])
def test_a_younger_age_that_a_reviewer_marked_becomes_a_placeholder(age: str) -> None:
    assert one(Kind.AGE, age) == "[AGE_1]"


# -- nothing of the original stays --------------------------------------------------------------------------------

DIGITS = st.text("0123456789", min_size=4, max_size=9)
WORDS = st.sampled_from(
    ["Anna", "Smith", "Paul", "Rose", "Li", "O'Neil", "Gabriel", "Villa", "Müller", "Kim", "Quincy"]
)
VALUES = st.one_of(
    st.tuples(st.just(Kind.NAME), st.lists(WORDS, min_size=1, max_size=3).map(" ".join)),
    st.tuples(st.just(Kind.NAME), st.text(min_size=1, max_size=8).filter(str.strip)),
    st.tuples(
        st.sampled_from([Kind.MRN, Kind.ID, Kind.SSN, Kind.ACCOUNT, Kind.PHONE, Kind.LOCATION]), DIGITS
    ),
    st.tuples(
        st.just(Kind.DATE), st.dates(date(1950, 1, 1), date(2029, 1, 1)).map(lambda day: f"{day:%m/%d/%y}")
    ),
    st.tuples(
        st.just(Kind.DATE), st.sampled_from(["January", "March", "May", "July", "October", "Dec. 3", "May 3"])
    ),
    st.tuples(
        st.sampled_from([Kind.LOCATION, Kind.ORGANIZATION]),
        st.sampled_from(
            ["Boston", "12 Main St", "Ashford", "Villa Clinic", "Marlmouth", "Marlmouth Hospital", "02115"]
        ),
    ),
    st.tuples(st.sampled_from(list(Kind)), st.text(min_size=1, max_size=12).filter(str.strip)),
)


@given(st.lists(VALUES, min_size=1, max_size=8), KEYS)
@settings(max_examples=200, deadline=None)
def test_no_surrogate_equals_or_holds_its_original_or_is_another_one_s(
    identifiers: list[tuple[Kind, str]], key: bytes
) -> None:
    done = replaced(*identifiers, key=key)
    assert done.originals == {}
    originals = {folded(value) for _, value in identifiers} - {""}
    for placed, (_, value) in zip(done.spans[0], identifiers, strict=True):
        if PLACEHOLDER.fullmatch(placed.placeholder):
            continue
        assert folded(placed.placeholder) not in originals
        if len(folded(value)) > 2:
            assert folded(value) not in folded(placed.placeholder)


@given(st.lists(VALUES, min_size=2, max_size=8, unique=True), KEYS)
@settings(max_examples=100, deadline=None)
def test_two_numbers_of_a_record_never_become_one(identifiers: list[tuple[Kind, str]], key: bytes) -> None:
    numbers = [
        (kind, value)
        for kind, value in identifiers
        if kind in {Kind.MRN, Kind.SSN, Kind.ACCOUNT} and folded(value)
    ]
    if numbers:
        stand_ins = [placed.placeholder for placed in replaced(*numbers, key=key).spans[0]]
        assert len({folded(text) for text in stand_ins}) == len({(kind, value) for kind, value in numbers})


def test_what_stands_between_identifiers_stays_and_spans_point_to_what_was_put() -> None:
    source, target = "Anna Smith coughs since May 3.", "Smith: cough."
    spans = [[Span(0, 10, Kind.NAME), Span(24, 29, Kind.DATE)], [Span(0, 5, Kind.NAME)]]
    done = surrogate_texts([source, target], spans, key=KEY)
    for text, original, row in zip(done.texts, (source, target), done.spans, strict=True):
        for placed in row:
            assert text[placed.start : placed.end] == placed.placeholder
            assert original[placed.original_start : placed.original_end] not in text
    assert " coughs since " in done.texts[0]
    assert done.texts[0].split()[1] == done.texts[1].split(":")[0]


# -- the three operators -------------------------------------------------------------------------------------------


def test_a_mask_tells_neither_kind_nor_length() -> None:
    done = replaced((Kind.NAME, "Anna Smith"), (Kind.MRN, "4417823"), operator="mask")
    assert done.texts == (f"{MASK} | {MASK} | ",)
    assert done.originals == {}


def test_placeholders_can_be_turned_back_and_nothing_else_can() -> None:
    assert replaced((Kind.NAME, "Anna Smith"), operator="placeholder").originals == {"[NAME_1]": "Anna Smith"}


def test_an_unknown_operator_is_refused() -> None:
    with pytest.raises(ValueError, match="none"):
        replaced((Kind.NAME, "Anna Smith"), operator="none")


@pytest.mark.parametrize("operator", list(Operator))
def test_overlapping_spans_are_refused_by_every_operator(operator: str) -> None:
    spans = [Span(0, 10, Kind.NAME), Span(5, 10, Kind.NAME)]
    with pytest.raises(ValueError, match="overlap"):
        apply(operator, ["Anna Smith"], [spans], key=KEY)


def test_a_note_of_two_thousand_characters_takes_few_milliseconds() -> None:
    """Generous for a busy machine; 5 ms is what one core takes at the most (docs/benchmarks.md)."""
    import time

    text, spans = "", []
    for number, (kind, value) in enumerate(
        [(Kind.NAME, "Anna Smith"), (Kind.DATE, "May 3rd, 2021"), (Kind.PHONE, "415-867-5309"), (Kind.LOCATION, "12 Main St., Boston, MA 02115"),
         (Kind.MRN, "4417823"), (Kind.ORGANIZATION, "Mayo Clinic"), (Kind.NAME, "Smith"), (Kind.DATE, "05/10/2021")] * 3
    ):  # fmt: skip
        text += f"Words between of no interest to anybody, as ever, {number}: "
        spans.append(Span(len(text), len(text) + len(value), kind))
        text += f"{value}. "
    surrogate_texts([text], [spans], key=KEY)
    began = time.process_time()
    for _ in range(10):
        surrogate_texts([text], [spans], key=KEY)
    assert (time.process_time() - began) / 10 < 0.05
