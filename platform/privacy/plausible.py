"""What reading finds and no identifier can be: names that medicine has taken over, and numbers too short to be anybody's."""

import re
from functools import cache

from privacy import lexicon
from privacy.kinds import Kind, Span
from privacy.recognizers.dates import MONTH
from privacy.recognizers.geography import STATES
from privacy.recognizers.name_cues import ANY_TITLE, MEDICAL_NOUN

_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)?")
_BEFORE = re.compile(r"([^\W\d_]+)\.?\s+$")
# "Hawkins negative", "a positive Murphy's", "Billroth II"
_FINDING = re.compile(
    r"['’]?s?\s*(?:was|were|is|are)?\s*(?:negative|positive|absent|present|normal|placed|applied|intact|[IV]{1,3}\b|\+)",
    re.IGNORECASE,
)
_FOUND = re.compile(r"\b(?:negative|positive|absent|equivocal|modified)\s+$", re.IGNORECASE)
_ILLNESS = re.compile(
    r"['’]?s?\s+(?:spotted\s+)?(?:fever|virus|flu|dance|encephalitis|[IV]{1,3}\b|\w+(?:itis|oma|emia|osis|opathy|ectomy)\b)",
    re.IGNORECASE,
)
_DISEASE = re.compile(r"(?:itis|oma|emia|osis|opathy|ectomy|plasty|algia)s?$")
_TERM = re.compile(
    r"[a-z]{3,}(?:itis|osis|oses|emia|ectomy|ot?omy|oscopy|pathy|algia|ologist|plasty|graphy|gram|iatric|ation|statin|pril|olol|azole|mycin|"
    r"cillin|zepam|zolam|gliptin|sartan|ness|ing|ally|ment|ible|able|ous|ular|ical|ial|tic|ated)s?"
)
# Stems that drugs' generic names end in (USAN), and endings of diseases: nobody is called so, however it is written.
_GENERIC = re.compile(
    r"\w{2,}(?:setron|amivir|glutide|gliflozin|gliptin|bactam|cillin|floxacin|cycline|thromycin|umab|izumab|ximab|tinib|ciclib|statin|sartan|dipine|"
    r"olol|pril|azole|prazole|triptan|amate|azepam|zolam|profen|oxetine|azine|dronate|parin|grel|xaban|gatran|caine|curium|lithiasis|oxin|thiazide|"
    r"semide|lukast|terol|tropium|sone|solone|onide|platin|rubicin|taxel|mustine|trexate|stigmine|lamine|afil|osin|idone|apine|piprazole)",
    re.IGNORECASE,
)
_STATE = re.compile(STATES, re.IGNORECASE | re.VERBOSE)
_ROMAN = re.compile(r"[IVX]+(?:\W[IVX]+)*|[ivx]+/[ivx]+")
_SURE = 0.15
_SURE_DATE = 0.45  # "strength 4/5" is as often as not
_LONG_NUMBER = re.compile(r"\w*\d(?:[\d.-]*\d){3}")
_DIGIT_DATE = re.compile(r"\d{1,4}[/.\- ]\d{1,2}|\d(?:st|nd|rd|th)\b", re.IGNORECASE)
_YEARS = re.compile(r"\D*(?:1[89]|20)\d\d(?:\s?[-–/]\s?(?:1[89]|20)?\d\d)?\D*")
_MONTH = re.compile(rf"\b{MONTH}|\b(?:first|second|third|\w+th)\b", re.IGNORECASE)
_UNIT = re.compile(
    r"\s?(?:%|mg|mcg|ml|kg|lbs?|units?|mmhg|bpm|percent|pounds|degrees|beats|over\b|/)", re.IGNORECASE
)
_AGE = re.compile(r"9\d|1[01]\d|.*(?:ninet|hundred).*", re.IGNORECASE)


def needs_reading(text: str, start: int, end: int) -> bool:
    """False for a loud word that reading would not make an identifier: a number, a drug, a term, a single small letter."""
    word = text[start:end]
    if word.isdigit():
        return bool(_AGE.fullmatch(word))
    if not any(map(str.isalpha, word)) or (len(word) == 1 and word.islower()):
        return False
    return lexicon.fold(re.sub(r"['’]s$", "", word)) not in nobody() and not (
        _TERM.fullmatch(word) or _GENERIC.fullmatch(word)
    )


def is_plausible(text: str, span: Span) -> bool:
    """False for what a reader who knows medicine would not take for an identifier."""
    words = text[span.start : span.end]
    if span.kind is Kind.ID:
        return bool(_LONG_NUMBER.search(words))
    if span.kind is Kind.PHONE:
        return sum(map(str.isdigit, words)) >= 7
    if span.kind is Kind.DATE:
        in_digits = _DIGIT_DATE.search(words) and not _YEARS.fullmatch(words) and span.score > _SURE_DATE
        return bool(_MONTH.search(words) or in_digits)
    if span.kind is Kind.AGE:
        return bool(_AGE.fullmatch(words)) and not _UNIT.match(text, span.end)
    if span.kind is Kind.NAME and (
        any(map(str.isdigit, words)) or words.casefold() == "st" or _is_species(text, span)
    ):
        return False
    if span.kind is Kind.NAME and _is_everyday(words, span.score):
        return False
    if (span.kind is Kind.LOCATION or span.score < _SURE) and _is_large_area(words):
        return False
    return not is_medical(text, span)


def _is_large_area(words: str) -> bool:
    """Countries and states are not smaller than a state: 45 CFR 164.514(b)(2)(i)(B)."""
    return bool(_STATE.fullmatch(words)) or lexicon.fold(words) in lexicon.words("countries")


def _is_everyday(words: str, score: float) -> bool:
    """Roman numerals, and a small word of every day that reading was not sure of: "she rose at six"."""
    everyday = lexicon.words("ordinary") | lexicon.words("function") | lexicon.words("not_names")
    return bool(_ROMAN.fullmatch(words)) or (words.islower() and words in everyday and score < _SURE)


def is_eponym(text: str, span: Span) -> bool:
    """ "Lou Gehrig's disease", "Jackson-Pratt drain": eponyms all, with their noun."""
    start, end = _with_hyphens(text, span.start, span.end)
    words = [lexicon.fold(re.sub(r"['’]s?$", "", word)) for word in _WORD.findall(text[start:end])]
    return bool(words and all(word in _eponyms() for word in words) and MEDICAL_NOUN.match(text, end))


def _is_species(text: str, span: Span) -> bool:
    """ "C. diff", "E. coli": one capital, and a small word of medicine."""
    return bool(
        re.fullmatch(r"[A-Z]\.?", text[span.start : span.end])
        and re.match(r"\.?\s[a-z]{4,}", text[span.end :][:8])
    )


def is_medical(text: str, span: Span) -> bool:
    """True where every word of a name is a drug's, a test's or an eponym's, and what stands around it says nothing else."""
    if names_an_illness(text, span):
        return True
    before = _BEFORE.search(text, max(0, span.start - 20), span.start)
    if before and lexicon.fold(before[1]) in ANY_TITLE:
        return False
    start, end = _with_hyphens(text, span.start, span.end)
    found = [word for word in _WORD.findall(text[start:end]) if len(word) > 1]
    words = [lexicon.fold(re.sub(r"['’]s?$", "", word)) for word in found]
    taken = [word in _eponyms() or word in nobody() or bool(_GENERIC.fullmatch(word)) for word in words]
    if not any(taken) or not all(
        is_taken or (word.islower() and (folded in lexicon.words("plain") or _DISEASE.search(word)))
        for word, folded, is_taken in zip(found, words, taken, strict=True)
    ):
        return False
    joined = "-" in text[start:end] and all(taken)
    described = MEDICAL_NOUN.match(text, span.end) or _FINDING.match(text, span.end)
    surely = any(word in nobody() or _GENERIC.fullmatch(word) for word in words) or joined or not all(taken)
    return bool(surely or described or _FOUND.search(text, 0, span.start))


def _with_hyphens(text: str, start: int, end: int) -> tuple[int, int]:
    """ "Pugh" in "Child-Pugh" is judged with "Child"."""
    if text[start - 1 : start] == "-":
        start -= 1
        while start and text[start - 1].isalpha():
            start -= 1
    if text[end : end + 1] == "-":
        end += 1
        while end < len(text) and text[end].isalpha():
            end += 1
    return start, end


def names_an_illness(text: str, span: Span) -> bool:
    """ "West Nile virus", "Rocky Mountain spotted fever", "Bethesda III"."""
    known = lexicon.words("eponyms") | lexicon.words("illness_places")
    words = [lexicon.fold(word) for word in _WORD.findall(text[span.start : span.end])]
    return bool(words and all(word in known for word in words) and _ILLNESS.match(text, span.end))


@cache
def _eponyms() -> frozenset[str]:
    return lexicon.words("eponyms")


@cache
def nobody() -> frozenset[str]:
    """Drugs, tests and the like, and eponyms that are hardly anybody's name today."""
    alive = lexicon.familiar_surnames() | lexicon.given_names()
    return lexicon.words("not_names") | lexicon.words("drugs") | (_eponyms() - alive)
