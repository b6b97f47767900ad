"""Small wording tools shared by the voices and the summaries."""

import re

from sample_clinic.cases import Order
from sample_clinic.marks import capitalized

# Names of diseases and signs keep their capital wherever they stand.
_EPONYMS = (
    "Parkinson",
    "Crohn",
    "Graves",
    "Hashimoto",
    "Helicobacter",
    "Foley",
    "Holter",
    "Babinski",
    "Velcro",
    "Friday",
)
# How writers put a frequency; a summary always uses the plain form.
_LATIN: dict[str, tuple[str, ...]] = {
    "once daily": ("once daily", "daily", "q.d.", "once a day"),
    "twice daily": ("twice daily", "b.i.d.", "BID", "twice a day"),
    "three times daily": ("three times daily", "t.i.d.", "TID", "three times a day"),
    "four times daily": ("four times daily", "q.i.d.", "QID", "four times a day"),
    "at bedtime": ("at bedtime", "q.h.s.", "QHS", "at night"),
    "every morning": ("every morning", "q.a.m.", "QAM", "each morning"),
}


def listed(items: tuple[str, ...] | list[str], last: str = "and") -> str:
    """The items as a list in a sentence: "a, b and c"."""
    if len(items) < 2:
        return "".join(items)
    return f"{', '.join(items[:-1])} {last} {items[-1]}"


def sentence(text: str) -> str:
    """The text with a capital first letter and a full stop."""
    return capitalized(text) if text[-1] in ".?!" else capitalized(text) + "."


def article(noun: str) -> str:
    """The noun with "a" or "an" as it is spoken: "an 85-year-old woman"."""
    bare = noun.lower()
    vowel = bare[0] in "aeiou" or bare.startswith(("8", "11-", "18-"))
    return f"{'an' if vowel else 'a'} {noun}"


def prescription(order: Order, form: int = 0) -> str:
    """Drug, dose and frequency; ``form`` picks how the frequency is written (0 is plain)."""
    often = order.drug.often
    for plain, forms in _LATIN.items():
        if often == plain or often.startswith(plain + " "):
            often = often.replace(plain, forms[form % len(forms)], 1)
            break
    return f"{order.drug.name} {order.dose()} {often}"


def midway(name: str) -> str:
    """The name of a test as it stands inside a sentence: "hemoglobin", but "ECG", "D-dimer" and "Ki-67"."""
    return name if name.startswith("Ki-") or not name[1].islower() else name[0].lower() + name[1:]


def lowered(text: str) -> str:
    """The text as the later part of a sentence: "The" and "We'll" lose their capital, names and "I" keep it."""
    word = re.match(r"(A|It|[A-Z][a-z]+)(?=[ '])", text)
    return text[0].lower() + text[1:] if word and word[0] not in _EPONYMS else text
