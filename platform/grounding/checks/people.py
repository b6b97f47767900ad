"""Who: the patient's sex, whose illness it is in the family, and whether the patient or the doctor said it."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence

from grounding.evidence import Record
from grounding.findings import Category, Finding, How
from grounding.pieces import Piece
from grounding.terms import terms

_MALE = re.compile(r"\b(?:male|man|gentleman|boy|he|him|his|himself|sir|mr)\b", re.IGNORECASE)
_FEMALE = re.compile(
    r"\b(?:female|woman|lady|girl|she|her|hers|herself|ma'?am|miss|mrs|ms|pregnan\w+|menopaus\w+|uterus|ovar\w+|hysterectomy)\b",
    re.IGNORECASE,
)
_SURE_MALE = re.compile(
    r"\b(?:male|gentleman|sir|mr|prostate|testic\w+)\b|year[- ]old (?:\w+ )?(?:man|boy)\b|young man\b",
    re.IGNORECASE,
)
_SURE_FEMALE = re.compile(
    r"\b(?:female|lady|ma'?am|mrs|ms|miss(?= [A-Z\[])|pregnan\w+|menopaus\w+|my (?:period|uterus|menstrual)|hysterectomy)\b|year[- ]old (?:\w+ )?(?:woman|girl)\b|young lady\b",
    re.IGNORECASE,
)
_RELATIONS = {
    name: head
    for head, names in {
        "mother": "mother mom mum mama mommy", "father": "father dad papa daddy", "brother": "brother brothers", "sister": "sister sisters",
        "son": "son sons", "daughter": "daughter daughters", "wife": "wife", "husband": "husband", "aunt": "aunt aunts", "uncle": "uncle uncles",
        "grandmother": "grandmother grandma nana", "grandfather": "grandfather grandpa", "cousin": "cousin cousins", "niece": "niece", "nephew": "nephew",
        "maternal": "maternal", "paternal": "paternal",
    }.items()
    for name in names.split()
}  # fmt: skip
_WIDER = {
    "maternal": {"mother", "mom's"},
    "paternal": {"father", "dad's"},
    "wife": {"husband"},
    "husband": {"wife"},
    "aunt": {"sister"},
    "uncle": {"brother"},
}
_RELATION = re.compile(r"\b(?:" + "|".join(_RELATIONS) + r")\b", re.IGNORECASE)
_SIDES = frozenset(("maternal", "paternal"))
_SAYS_LITTLE = frozenset(
    term.form
    for term in terms(
        "history has had been with died age old year family and alive healthy well also positive significant both"
    )
)
_SENTENCE = re.compile(r"[^.;?!]+")
_REPORTS = re.compile(r"\b(?:patient|pt|he|she)\s+(?:reports?|states?|says|said|stated|reported|complains|endorses|describes|tells)\b", re.IGNORECASE)  # fmt: skip


def people(sentence: Piece, record: Record, evidence: Sequence[int]) -> list[Finding]:
    return [
        *_sex(sentence, record),
        *_relations(sentence, record, evidence),
        *_whose(sentence, record),
        *_speaker(sentence, record, evidence),
    ]


def names_relative(text: str) -> bool:
    return _RELATION.search(text) is not None


def _sex(sentence: Piece, record: Record) -> list[Finding]:
    """A man's pronouns for a woman. Sentences on the family have others' pronouns, and are passed over."""
    known = record.once("sex", lambda: sex_of(record))
    if _RELATION.search(sentence.text):
        return []
    men, women = _MALE.search(sentence.text), _FEMALE.search(sentence.text)
    wrong = women if known == "male" else men if known == "female" else None
    if wrong:
        how = How.CONTRADICTED
    elif men and women:
        how, wrong = How.ELSEWHERE, max(men, women, key=lambda match: match.start())
    else:
        return []
    return [Finding(Category.PERSON, how, wrong.start() + sentence.start, wrong.end() + sentence.start)]


def sex_of(record: Record) -> str | None:
    """ "male" or "female" where the record's own words leave no doubt."""
    votes = Counter(
        male=3 * len(_SURE_MALE.findall(record.source)), female=3 * len(_SURE_FEMALE.findall(record.source))
    )
    if not record.dialogue:
        plain = _RELATION.search(record.source) is None
        votes += Counter(
            male=plain * len(_MALE.findall(record.source)), female=plain * len(_FEMALE.findall(record.source))
        )
    high, low = max(votes["male"], votes["female"]), min(votes["male"], votes["female"])
    if high < 3 or high < 3 * low:
        return None
    return "male" if votes["male"] == high else "female"


def _relations(sentence: Piece, record: Record, evidence: Sequence[int]) -> list[Finding]:
    """A relative whom the record does not name; or names, though not beside the evidence."""
    near = {n + step for n in evidence for step in (-2, -1, 0, 1)}
    held = record.once("relations", lambda: _relatives(record))
    results = []
    for match in _RELATION.finditer(sentence.text):
        name = _RELATIONS[match.group().lower()]
        same = [n for other, n, *_ in held if other == name or other in _WIDER.get(name, ())]
        rivals = tuple((start, end) for other, n, start, end in held if n in evidence and other != name)[:3]
        if same and (not rivals or near & set(same)):
            continue
        how = How.ELSEWHERE if same else How.CONTRADICTED if rivals else How.ABSENT
        results.append(
            Finding(
                Category.PERSON, how, match.start() + sentence.start, match.end() + sentence.start, rivals
            )
        )
    return results


def _whose(sentence: Piece, record: Record) -> list[Finding]:
    """The father's illness where the record tells it of the mother, in each sentence that speaks of it."""
    named = [match for match in _RELATION.finditer(sentence.text) if match.group().lower() not in _SIDES]
    results = []
    ends = [match.start() for match in named[1:]] + [len(sentence.text)]
    for match, end in zip(named, ends, strict=False):
        name = _RELATIONS[match.group().lower()]
        told = sentence.text[match.end() : end]
        wanted = {term.form for term in terms(told)} - _SAYS_LITTLE
        units = record.once("families", lambda: list(_families(record)))
        speak = [
            (who, place) for who, words, place in units if wanted and 2 * len(words & wanted) > len(wanted)
        ]
        if speak and all(who and name not in who for who, _ in speak):
            place = match.start() + sentence.start, match.end() + sentence.start
            results.append(
                Finding(Category.PERSON, How.CONTRADICTED, *place, tuple(at for _, at in speak)[:3])
            )
    return results


def _families(record: Record) -> Iterator[tuple[set[str], set[str], tuple[int, int]]]:
    """The relatives and the words of each sentence of the record, and where it stands."""
    for line in record.lines:
        for piece in _SENTENCE.finditer(line.text):
            who = {_RELATIONS[each.lower()] for each in _RELATION.findall(piece.group())}
            words = {term.form for term in terms(piece.group())}
            yield who, words, (line.start + piece.start(), line.start + piece.end())


def _relatives(record: Record) -> list[tuple[str, int, int, int]]:
    """(relation, line, start, end) of every relative the record names."""
    return [
        (_RELATIONS[match.group().lower()], n, line.start + match.start(), line.start + match.end())
        for n, line in enumerate(record.lines)
        for match in _RELATION.finditer(line.text)
    ]


def _speaker(sentence: Piece, record: Record, evidence: Sequence[int]) -> list[Finding]:
    """ "The patient reports" what only the doctor said."""
    match = _REPORTS.search(sentence.text)
    if not match or not record.dialogue or not evidence:
        return []
    wanted = {term.form for term in terms(sentence.text[match.end() :])}
    told = [n for n in evidence if 2 * len(wanted & {term.form for term in record.terms[n]}) >= len(wanted)]
    lines = [record.lines[n] for n in told]
    if not wanted or not lines or any(line.speaker != "doctor" or line.text.endswith("?") for line in lines):
        return []
    place = match.start() + sentence.start, match.end() + sentence.start
    return [Finding(Category.PERSON, How.ELSEWHERE, *place, tuple((x.start, x.end) for x in lines))]
