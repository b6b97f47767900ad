"""The words errors are made of, in two sets: index 0 is trained on, index 1 tested on."""

import re
from random import Random

_DAILY = ("once daily", "once a day", "every day")
_TWICE = ("twice daily", "twice a day", "b.i.d.", "two times a day")
_THRICE = ("three times daily", "three times a day", "t.i.d.")
_FOUR = ("four times daily", "four times a day", "q.i.d.")
_OTHERS = ("weekly", "at bedtime", "every morning", "as needed", "p.r.n.", "every other day", "monthly", "nightly", "every 6 hours", "every 4 hours", "every 8 hours")  # fmt: skip


def _frequencies(once: str, twice: str, thrice: str, week: str) -> dict[str, tuple[str, ...]]:
    table = dict.fromkeys(_DAILY, (twice, thrice, week))
    table |= dict.fromkeys(_TWICE, (once, thrice, week))
    table |= dict.fromkeys((*_THRICE, *_FOUR), (once, twice, week))
    return table | dict.fromkeys(_OTHERS, (twice, thrice))


FREQUENCIES = (
    _frequencies("once daily", "twice daily", "three times a day", "once a week"),
    _frequencies("once a day", "b.i.d.", "t.i.d.", "weekly"),
)
SIDES = {
    "left": ("right",), "right": ("left",), "bilateral": ("left", "right"), "left-sided": ("right-sided",), "right-sided": ("left-sided",),
    "both": ("the left",),
}  # fmt: skip
_RELATIVES = (
    "mother",
    "father",
    "brother",
    "sister",
    "son",
    "daughter",
    "aunt",
    "uncle",
    "grandmother",
    "grandfather",
)
PRONOUNS = {
    "he": "she", "his": "her", "man": "woman", "male": "female", "gentleman": "lady", "she": "he", "her": "his", "woman": "man", "female": "male",
    "lady": "gentleman",
}  # fmt: skip


def _people(step: int) -> dict[str, tuple[str, ...]]:
    table: dict[str, tuple[str, ...]] = {"husband": ("brother",), "wife": ("sister",)}
    table |= {one: (other,) for one, other in PRONOUNS.items()}
    for at, name in enumerate(_RELATIVES):
        table[name] = _RELATIVES[(at + 1 + 2 * step) % 10], _RELATIVES[(at + 3 + step) % 10]
    return table


RELATIVES = (_people(0), _people(1))
NEGATIONS = (
    (
        (r"\bdenies (?:any )?(?:history of )?", "reports "),
        (r"\bhas no\b", "has"),
        (r"\bno known\b", "known"),
        (r"^no\b", "positive for"),
        (r"\bis not\b", "is"),
        (r"\bdoes not (\w+)", r"does \1"),
        (r"\bdid not (\w+)", r"did \1"),
        (
            r"\b(?:reports|states|notes|complains of|endorses) (?:having |that )?(?=(?:some |mild |severe )?[a-z]+)",
            "denies ",
        ),
        (r"\bhas (?:had )?(?:an? |some )?(?=[a-z])", "has no "),
        (r"\b(is|was|are|were) (?!not|no\b)(?=[a-z])", r"\1 not "),
        (r"\bwill (?!not)", "will not "),
        (r"\bwithout\b", "with"),
        (r"\bnegative for\b", "positive for"),
        (r"\b(presents|presented) with\b", r"\1 without"),
        (r"\bhistory of\b", "no history of"),
    ),
    (
        (r"\bden(?:ies|ied) (?:any )?(?:history of )?", "endorses "),
        (r"\bhas no\b", "does have"),
        (r"\bno known\b", "has"),
        (r"^no\b", "there is"),
        (r"\b(is|was) not\b", r"\1"),
        (r"\bdoes not (\w+)", r"\1s"),
        (
            r"\b(?:reports|states|complains of|endorses) (?:having |that )?(?=(?:some |mild |severe )?[a-z]+)",
            "does not report ",
        ),
        (r"\bhas (?:had )?(?:an? |some )?(?=[a-z])", "does not have "),
        (r"\b(is|was|are|were) (?!not|no\b)(?=[a-z])", r"\1 never "),
        (r"\bwithout\b", "along with"),
        (r"\b(presents|presented) with\b", r"\1 with no"),
        (r"\bhistory of\b", "negative for"),
        (r"\bpositive for\b", "negative for"),
    ),
)
HEDGES = (
    (
        (r"\b(?:possible|possibly|probable|probably|likely|suspected)\b", ""),
        (r"\bmay (?:be|have)\b", "has"),
        (r"\b(?:seems|appears) to be\b", "is"),
        (r"\b(?:mild|slight)(?:ly)?\b", "severe"),
        (r"\b(?:occasional|intermittent)\b", "constant"),
        (r"\brule out\b", "confirmed"),
        (r"\bthinks (?:that )?", "knows "),
    ),
    (
        (r"\b(?:possible|possibly|probable|probably|likely|suspected|apparent|apparently)\b", "definite"),
        (r"\bmay (?:be|have)\b", "certainly has"),
        (r"\b(?:seems|appears) to\b", "definitely does"),
        (r"\b(?:mild|slight|minimal)(?:ly)?\b", "marked"),
        (r"\b(?:occasional|intermittent|sometimes)\b", "persistent"),
        (r"\brule out\b", "diagnosed with"),
        (r"\bconsistent with\b", "proven to be"),
    ),
)
ADDITIONS = (
    (
        "she will follow up in {weeks} weeks", "a {scan} was ordered", "the patient also reports {symptom}", "there is a family history of {illness}",
        "{drug} was prescribed", "the patient was referred to {clinic}", "past medical history is significant for {illness}", "the patient denies {symptom}",
        "labs were drawn and are pending", "he quit smoking {weeks} years ago", "there is a history of {operation}", "vital signs are stable",
        "the {scan} was normal", "she is allergic to {drug}", "the patient lives alone",
    ),
    (
        "return to the clinic in {weeks} months", "we will obtain a {scan}", "he has been having {symptom} as well", "her sister has {illness}",
        "she was started on {drug}", "an appointment with {clinic} has been made", "he is known to have {illness}", "no {symptom} was noted",
        "blood work will be repeated next week", "the patient drinks {weeks} beers on weekends", "he underwent {operation}", "the {scan} showed no acute disease",
        "{drug} causes a rash", "the patient is a retired teacher",
    ),
)  # fmt: skip
_SLOTS = {
    "weeks": ("2", "3", "4", "6", "8"),
    "scan": ("chest x-ray", "MRI of the brain", "CT of the abdomen", "echocardiogram", "ultrasound", "EKG", "stress test", "colonoscopy", "mammogram"),
    "symptom": ("fever", "nausea", "chest pain", "shortness of breath", "dizziness", "headaches", "night sweats", "constipation", "palpitations", "blurred vision", "leg swelling", "weight loss"),
    "illness": ("hypertension", "diabetes", "asthma", "breast cancer", "heart disease", "COPD", "hypothyroidism", "depression", "stroke", "arthritis", "high cholesterol"),
    "drug": ("amoxicillin", "prednisone", "ibuprofen", "lisinopril", "omeprazole", "penicillin", "sulfa", "gabapentin", "metformin", "aspirin"),
    "clinic": ("cardiology", "neurology", "physical therapy", "dermatology", "gastroenterology", "orthopedics", "psychiatry"),
    "operation": ("appendectomy", "cholecystectomy", "a hysterectomy", "a knee replacement", "tonsillectomy", "a cesarean section", "hernia repair"),
}  # fmt: skip


def fill(template: str, rng: Random) -> str:
    return re.sub(r"\{(\w+)\}", lambda match: rng.choice(_SLOTS[match[1]]), template)
