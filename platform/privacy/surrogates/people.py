"""Made-up people: gender, word order, capitals, initials and shared surnames stay; the names do not.

Each word of a name has a stand-in of its own, so that "Anna", "Anna Smith" and "SMITH, A." stay one person and
Paul Smith stays a relative. A patient's key puts the letters in an order of its own and every word takes a name
that begins with the letter after its own: an initial alone then fits the name it stands for in another record.
"""

import importlib
import pkgutil
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path

import faker.providers.person
from faker.providers.person.en_US import Provider as American

from privacy import lexicon
from privacy.surrogates.keyed import Chooser, NoSurrogate

FEMALE, MALE, SURNAMES = "female", "male", "surnames"
_COMMON, _RARE = "abcdeghjklmnprstvw", "fioquxyz"
_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")
_DIGITS = re.compile(r"\d+")
_POSSESSIVE = re.compile(r"['’]s$", re.IGNORECASE)
_MALE_TITLES = {"mr", "mister", "sir"}
_FEMALE_TITLES = {"mrs", "ms", "miss", "madam", "mme"}
_TITLES = _MALE_TITLES | _FEMALE_TITLES | {"mx", "dr", "doctor", "prof", "professor", "nurse", "rev", "judge"}
_SUFFIXES = {"jr", "sr", "ii", "iii", "iv", "md", "do", "rn", "np", "pa", "phd", "dds", "lpn", "bsn", "msw"}
_PARTICLES = {"de", "del", "la", "las", "los", "da", "dos", "di", "du", "le", "van", "von", "der", "den", "ter",
              "al", "el", "bin", "ibn", "ben", "y", "st"}  # fmt: skip
_TITLE_BEFORE = re.compile(rf"\b({'|'.join(_TITLES)})\.?\s*$", re.IGNORECASE)


@dataclass(frozen=True)
class _Word:
    start: int
    end: int
    text: str
    is_surname: bool | None
    """None where the name alone does not tell."""


@dataclass(frozen=True)
class _Name:
    words: tuple[_Word, ...]
    title: str


class People:
    """The people of one record: ``names`` are the spans' words, each with the text before it."""

    def __init__(self, chooser: Chooser, names: Iterable[tuple[str, str]]) -> None:
        self._chooser = chooser
        self._letters = _letters(chooser)
        self._given: set[str] = set()
        self._last: set[str] = set()
        self._gender: dict[str, str] = {}
        for value, before in names:
            self._learn(_parse(value, before))

    def surrogate(self, value: str) -> str:
        """Raises NoSurrogate for a value without a word that could be a name's."""
        name = _parse(value, "")
        if not name.words:
            raise NoSurrogate("name")
        made, done = [], 0
        for word in name.words:
            made += [self._between(value[done : word.start]), self._word(word)]
            done = word.end
        return "".join([*made, self._between(value[done:])])

    def _between(self, text: str) -> str:
        """Titles and marks stay; digits that somebody took for part of a name do not."""
        return _DIGITS.sub(lambda match: self._chooser.like("digits", match.group()), text)

    def _learn(self, name: _Name) -> None:
        for word in name.words:
            plain = lexicon.fold(word.text)
            if word.is_surname is False:
                self._given.add(plain)
                if gender := _gender_of_title(name.title):
                    self._gender.setdefault(plain, gender)
            elif word.is_surname or name.title:
                self._last.add(plain)

    def _word(self, word: _Word) -> str:
        plain = lexicon.fold(word.text)
        if len(plain) < 2 or _are_initials(word.text, plain):
            return "".join(_cased(self._letter(letter), letter) for letter in word.text)
        is_surname = word.is_surname if word.is_surname is not None else self._is_surname(plain)
        table = SURNAMES if is_surname else self._gender_of(plain)
        letter = self._letter(plain[0])
        for options in (_table(table)[letter], _all_names(table)):
            try:
                return _cased(
                    self._chooser.pick("surname" if is_surname else "given", plain, options), word.text
                )
            except NoSurrogate:
                continue  # every name of this letter is taken in this record
        raise NoSurrogate("name")

    def _is_surname(self, plain: str) -> bool:
        if plain in self._given or plain in self._last:
            return plain not in self._given
        if plain in lexicon.familiar_given_names():
            return False
        return plain in lexicon.familiar_surnames() or plain not in lexicon.given_names()

    def _gender_of(self, plain: str) -> str:
        likely = _likely_gender(plain) or self._gender.get(plain)
        return likely or (FEMALE, MALE)[self._chooser.number("gender", plain, 2)]

    def _letter(self, letter: str) -> str:
        plain = lexicon.fold(letter)[:1]
        return self._letters.get(plain) or _COMMON[self._chooser.number("letter", letter, len(_COMMON))]


def _parse(value: str, before: str) -> _Name:
    found = list(_WORD.finditer(value))
    title = next((lexicon.fold(m.group()) for m in found if lexicon.fold(m.group()) in _TITLES), "")
    if not title and (outside := _TITLE_BEFORE.search(before)):
        title = outside[1].lower()
    names = [m for m in found if not _stays(m.group(), len(found))]
    comma = value.find(",")
    has_comma = any(m.end() <= comma for m in names) and any(m.start() > comma for m in names)
    words = []
    for match in names:
        text = _POSSESSIVE.sub("", match.group())
        role = match.start() < comma if has_comma else _role(names, match, value, title)
        words.append(_Word(match.start(), match.start() + len(text), text, role))
    return _Name(tuple(words), title)


def _stays(word: str, count: int) -> bool:
    """Titles, degrees and particles say nothing about who it is, unless the name is nothing else."""
    plain = lexicon.fold(word)
    return plain in _TITLES or plain in _SUFFIXES or (plain in _PARTICLES and word.islower() and count > 1)


def _role(names: Sequence[re.Match[str]], word: re.Match[str], value: str, title: str) -> bool | None:
    """Whether a word is a surname: the last is, with what hyphens join to it; a word alone is after a title."""
    if not any(set(value[a.end() : b.start()]) - {"-"} for a, b in pairwise(names)):
        return True if title and len(names) == 1 else None
    if value[names[-1].start() - 1] == "-" and word is names[-2]:
        return True
    if word is names[-1]:
        return True
    plain = lexicon.fold(word.group())
    if word is names[0] or len(plain) == 1 or plain in lexicon.given_names():
        return False
    return plain in lexicon.surnames()


def _are_initials(word: str, plain: str) -> bool:
    """ "JS" and "RKM" are initials; LI and KIM are names."""
    known = plain in lexicon.given_names() or plain in lexicon.surnames()
    return word.isupper() and len(word) <= 3 and not known


def _cased(made: str, like: str) -> str:
    if like.isupper() and (len(like) > 1 or len(made) == 1):
        return made.upper()
    return made.lower() if like.islower() else made[:1].upper() + made[1:]


def _letters(chooser: Chooser) -> dict[str, str]:
    """Each letter's stand-in, never itself. Letters that few names begin with change among themselves."""
    letters: dict[str, str] = {}
    for group in (_COMMON, _RARE):
        order = sorted(group, key=lambda letter: chooser.number("letter", letter, 1 << 60))
        letters |= dict(zip(order, [*order[1:], order[0]], strict=True))
    return letters


@cache
def _table(name: str) -> dict[str, tuple[str, ...]]:
    """Names by their first letter, small."""
    text = (Path(__file__).parent / "words" / f"{name}.txt").read_text(encoding="utf-8")
    lines = [tuple(line.split()) for line in text.splitlines() if line and not line.startswith("#")]
    return {line[0][0].lower(): line for line in lines}


@cache
def _all_names(name: str) -> tuple[str, ...]:
    return tuple(name for names in _table(name).values() for name in names)


def _gender_of_title(title: str) -> str | None:
    return MALE if title in _MALE_TITLES else FEMALE if title in _FEMALE_TITLES else None


def _likely_gender(plain: str) -> str | None:
    """By the name lists of all locales; a name that both have is whose it more often is in the United States."""
    female, male = plain in _listed("first_names_female"), plain in _listed("first_names_male")
    if female != male:
        return FEMALE if female else MALE
    of_women, of_men = _share(FEMALE).get(plain, 0.0), _share(MALE).get(plain, 0.0)
    return None if of_women == of_men else FEMALE if of_women > of_men else MALE


@cache
def _share(gender: str) -> dict[str, float]:
    return {lexicon.fold(name): share for name, share in getattr(American, f"first_names_{gender}").items()}


@cache
def _listed(attribute: str) -> frozenset[str]:
    found: set[str] = set()
    for module in pkgutil.iter_modules(faker.providers.person.__path__):
        provider = importlib.import_module(f"faker.providers.person.{module.name}").Provider
        found.update(lexicon.fold(name) for name in getattr(provider, attribute, ()))
    return frozenset(found)
