"""The typed checks: what a sentence may not say of a record, and near-misses that it may."""

import pytest

from grounding.checks import findings
from grounding.evidence import Record
from grounding.findings import Finding, How
from grounding.pieces import claims, sentences

RECORD = """Doctor: Good morning, ma'am. What brings you in?
Patient: My left knee has been swollen for three weeks, and I take five m g of oxycodone twice a day.
Doctor: Any fever or chills?
Patient: No.
Doctor: And your mother had diabetes?
Patient: Yes, she did. I had a surgery in March of 2019.
Doctor: Your blood pressure is one thirty over eighty. You have possible gout.
Doctor: I will give you lisinopril ten milligrams daily. [NAME_1] will call you."""


def found(claim: str, source: str = RECORD) -> list[Finding]:
    record = Record(source)
    return [
        finding
        for sentence in sentences(claim)
        for finding in findings(sentence, record, record.evidence(claims(sentence)))
    ]


def strong(claim: str, source: str = RECORD) -> set[str]:
    return {finding.category.value for finding in found(claim, source) if finding.how is not How.ELSEWHERE}


@pytest.mark.parametrize(
    ("claim", "category"),
    [
        ("Blood pressure is 150/80.", "number"),
        ("She takes oxycodone 15 mg twice daily.", "dose"),
        ("She takes oxycodone 5 mcg twice daily.", "unit"),
        ("She takes oxycodone 5 mg four times a day.", "frequency"),
        ("Oxycodone 5 mg t.i.d.", "frequency"),
        ("Her knee has been swollen for three months.", "unit"),
        ("Her knee has been swollen for 5 weeks.", "date"),
        ("Surgery in May 2019.", "date"),
        ("Surgery in March 2017.", "date"),
        ("Surgery on 04/2019.", "date"),
        ("This is a 45-year-old female.", "age"),
        ("Right knee swelling.", "side"),
        ("Swelling of both knees.", "side"),
        ("Wrist swelling.", "side"),
        ("Swelling in her right ankle.", "side"),
        ("Her elbow is swollen.", "side"),
        ("She reports chest pain.", "side"),
        ("Headaches for three weeks.", "side"),
        ("She reports fever.", "negation"),
        ("She denies knee swelling.", "negation"),
        ("She takes hydrocodone.", "medication"),
        ("Losartan 10 mg daily was prescribed.", "medication"),
        ("Father had diabetes.", "person"),
        ("He has a swollen left knee.", "person"),
        ("[NAME_2] will call her.", "person"),
        ("Colonoscopy scheduled.", "addition"),
    ],
)
def test_what_the_record_does_not_hold_is_found(claim: str, category: str) -> None:
    assert category in strong(claim)


@pytest.mark.parametrize(
    "claim",
    [
        "Blood pressure 130/80.",
        "She takes oxycodone 5 mg b.i.d.",
        "Her left knee has been swollen for 3 weeks.",
        "The swelling began 21 days ago.",
        "She denies fever and chills.",
        "No fever.",
        "Mother had diabetes.",
        "Surgery in 03/2019.",
        "Zestril 10 mg once daily was prescribed.",
        "[NAME_1] will call her.",
        "Swelling of the left knee.",
        "Possible gout.",
    ],
)
def test_what_the_record_holds_in_other_words_is_left_alone(claim: str) -> None:
    assert strong(claim) == set()


def test_a_finding_names_the_words_and_the_record_s_own() -> None:
    claim = "She takes oxycodone 15 mg."
    (finding,) = [each for each in found(claim) if each.category == "dose"]
    assert claim[finding.start : finding.end] == "15 mg"
    assert "five m g" in [RECORD[start:end] for start, end in finding.record]


def test_a_dose_that_the_record_gives_another_drug_is_found() -> None:
    assert strong("She takes oxycodone 10 mg twice daily.") == {"dose"}


def test_a_qualifier_that_was_dropped_is_found() -> None:
    assert "certainty" in {each.category for each in found("She has gout.")}


def test_an_unanswered_question_affirms_nothing() -> None:
    source = "Doctor: Any rash?\nPatient: My head hurts.\nDoctor: I see."
    assert strong("No rash.", source) == strong("She has a rash.", source) == set()


SPOKEN = """Doctor: Next is [NAME_1], date of birth is 09/18/1949.
Doctor: Your blood pressure is great, it's like one twenty seven over eighty and your heart rate is nice.
Patient: I smoke a pack and a half a day, and I was here in January.
Doctor: The stone is point five centimeters. Take oxycodone five milligrams every six to eight hours as needed.
Doctor: Your right big toe is swollen."""


@pytest.mark.parametrize(
    "claim",
    [
        "Blood pressure: 127/80",
        "Blood pressure 127/80 mm Hg.",
        "He smokes 1.5 packs per day.",
        "The stone is 0.5 cm.",
        "Oxycodone 5 mg every 6 to 8 hours as needed.",
        "Oxycodone 5 mg every 6-8 hours as needed.",
        "Swelling of the right great toe.",
    ],
)
def test_numbers_as_they_are_dictated_are_understood(claim: str) -> None:
    assert strong(claim, SPOKEN) == set()


@pytest.mark.parametrize(
    ("claim", "category"),
    [
        ("Blood pressure: 127/90", "number"),
        ("The stone measures 5 cm in size, or 50 mm.", "number"),
        ("He smokes 2.5 packs per day.", "number"),
        ("Oxycodone 5 mg every 4 to 6 hours as needed.", "frequency"),
    ],
)
def test_and_what_was_not_dictated_is_found(claim: str, category: str) -> None:
    assert category in strong(claim, SPOKEN)


@pytest.mark.parametrize(
    ("told", "claim", "wrong"),
    [
        ("twice a day", "Metoprolol 25 mg three times a day.", "three times a day"),
        ("every six to eight hours", "Metoprolol 25 mg every 4 to 6 hours.", "every 4 to 6 hours"),
        ("every six to eight hours", "Metoprolol 25 mg every 6 to 12 hours.", "12 hours"),
        ("t.i.d.", "Metoprolol 25 mg three times a day.", None),
        ("four times a day", "Metoprolol 25 mg every 6 hours.", None),
    ],
)
def test_a_number_of_a_schedule_is_no_number_of_its_own(told: str, claim: str, wrong: str | None) -> None:
    held = found(claim, f"Patient: I take metoprolol 25 milligrams {told}.")
    compared = [each for each in held if each.category != "addition"]
    assert [claim[each.start : each.end] for each in compared] == ([wrong] if wrong else [])


def test_the_record_s_own_words_for_a_number_are_whole() -> None:
    source = "Patient: My knee has hurt for a month."
    (finding,) = [each for each in found("Knee pain for 5 months.", source) if each.record]
    assert [source[start:end] for start, end in finding.record] == ["a month"]


def test_a_birthday_is_not_what_the_record_says_instead_of_another_date() -> None:
    (finding,) = [each for each in found("Seen in 03/2021.", SPOKEN) if each.category == "date"]
    assert (finding.how, finding.record) == (How.ABSENT, ())


def test_a_night_of_pain_is_no_schedule_of_a_drug() -> None:
    source = (
        "Doctor: Take metoprolol 25 milligrams twice a day.\nDoctor: Does it hurt at night?\n"
        "Patient: Yes, every night.\nDoctor: And the aspirin you take at night, go on with it."
    )
    assert "frequency" in strong("Metoprolol 25 mg once a day.", source)
    assert strong("Pain at night.", source) == strong("Aspirin nightly.", source) == set()


def test_a_question_that_dictation_left_without_its_mark_is_answered_too() -> None:
    source = (
        "[doctor] okay let's talk about some other symptoms any joint pain or weight loss\n[patient] not that i noticed\n"
        "[doctor] and you have a limp in that leg now do n't you\n[patient] yes"
    )
    assert "negation" not in strong("Denies joint pain.", source)
    assert "negation" in strong("Reports joint pain.", source)


@pytest.mark.parametrize("word", ["all right", "right now", "that's right", "he left the house"])
def test_words_that_only_look_like_sides_are_none(word: str) -> None:
    source = f"Doctor: {word}, your knee hurts.\nPatient: Yes."
    assert "side" in {each.category.value for each in found("Left knee pain and right knee pain.", source)}


@pytest.mark.parametrize(
    "before", ["The patient has", "She had", "He was found to have", "There is", "Today"]
)
def test_a_side_is_read_after_any_verb(before: str) -> None:
    assert "side" in strong(f"{before} right knee pain.", "Patient: My left knee hurts.")


@pytest.mark.parametrize(
    ("told", "claim"),
    [
        ("I have had knee pain for three days.", "Leg pain."),
        ("My tummy hurts.", "Abdominal pain."),
        ("My whole leg hurts.", "Knee pain."),
        ("I have angina and my knee hurts.", "Chest pain."),
        ("My knee hurts. Your heart is fine.", "No abdominal pain. She denies chest and back pain."),
        ("My knee hurts.", "The chest is clear. Knee pain after a fall."),
    ],
)
def test_a_part_of_the_body_may_be_named_more_broadly_or_be_denied(told: str, claim: str) -> None:
    assert "side" not in strong(claim, f"Patient: {told}")


def test_pain_elsewhere_than_the_record_tells_is_found_with_the_record_s_own_place() -> None:
    source = "Patient: I have had knee pain for three days.\nDoctor: No swelling there."
    claim = "Chest pain for three days."
    (finding,) = [each for each in found(claim, source) if each.category == "side"]
    assert (claim[finding.start : finding.end], finding.how) == ("Chest", How.CONTRADICTED)
    assert [source[start:end] for start, end in finding.record] == ["knee"]
    (nowhere,) = [each for each in found("Swollen wrist.", source) if each.category == "side"]
    assert (nowhere.how, nowhere.record) == (How.ABSENT, ())


def test_the_patient_is_not_said_to_report_what_the_doctor_told() -> None:
    source = "Doctor: Your MRI shows a torn meniscus.\nPatient: Oh dear.\nDoctor: We can operate."
    assert "person" in {
        each.category.value for each in found("The patient reports a torn meniscus on the MRI.", source)
    }


@pytest.mark.parametrize(
    "claim", ["Physiotherapy in May.", "Swollen since May", "Seen in early May.", "Surgery, mid-May."]
)
def test_may_is_a_month_where_a_month_is_named(claim: str) -> None:
    assert "date" in strong(claim)
    assert "date" not in strong(claim, RECORD.replace("March of", "May"))


@pytest.mark.parametrize("claim", ["It may be gout.", "Her knee may have been swollen.", "This may be gout."])
def test_what_may_be_is_no_month(claim: str) -> None:
    assert "date" not in strong(claim)


DATED = "Doctor: When did you quit?\nPatient: In nineteen seventy two. Last seen in March of two thousand four.\nDoctor: Any tingling?\nPatient: In both my feet."


@pytest.mark.parametrize("claim", ["He quit in 1972.", "Last seen in 03/2004.", "Tingling in both feet."])
def test_years_and_sides_as_they_are_spoken_are_understood(claim: str) -> None:
    assert strong(claim, DATED) == set()


@pytest.mark.parametrize(
    "claim", ["He quit in 1973.", "Last seen in 03/2003.", "Tingling in the right foot."]
)
def test_another_year_or_side_than_the_spoken_one_is_contradicted(claim: str) -> None:
    hows = {finding.how for finding in found(claim, DATED) if finding.category in ("date", "side")}
    assert hows == {How.CONTRADICTED}


def test_nobody_has_two_of_a_pair_on_one_side() -> None:
    (finding,) = [each for each in found("Edema of the left lower extremities.") if each.category == "side"]
    assert finding.how is How.CONTRADICTED
