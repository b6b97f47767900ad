"""The words recognizers know: names and towns from Faker's lists of all Latin-script locales, and our own exceptions."""

import importlib
import pkgutil
import re
import unicodedata
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import faker.providers.address
import faker.providers.person

_WORDS = Path(__file__).parent / "words"
_LATIN = re.compile(r"[A-Za-zÀ-ɏ'’\-]{2,}(?: [A-Za-zÀ-ɏ'’\-]+)*")
# Places whose lists are long and full of words; a town is only looked up here after "lives in" and its like.
_COMMON_LOCALES = (
    "en_US",
    "en_GB",
    "es_ES",
    "es_MX",
    "fr_FR",
    "de_DE",
    "it_IT",
    "pt_BR",
    "pl_PL",
    "nl_NL",
    "sv_SE",
    "da_DK",
    "fi_FI",
    "hr_HR",
    "cs_CZ",
)
_TOWN_LISTS = ("cities", "city_names", "real_city_names", "municipalities", "counties", "villages")


def fold(word: str) -> str:
    """Lower case, without accents or apostrophes: "O'Néill" is "oneill"."""
    if word.isascii():
        return word.lower().replace("'", "")
    plain = unicodedata.normalize("NFKD", word.lower()).replace("ß", "ss").replace("ø", "o").replace("ł", "l")
    return "".join(c for c in plain if not unicodedata.combining(c) and c not in "'’")


@cache
def lines(name: str) -> tuple[str, ...]:
    """The lines of ``words/<name>.txt`` as they stand, without remarks."""
    text = (_WORDS / f"{name}.txt").read_text(encoding="utf-8")
    return tuple(line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#"))


@cache
def words(name: str) -> frozenset[str]:
    """The folded words of ``words/<name>.txt``; one entry a line where the file begins with ``# lines``."""
    entries = lines(name)
    if not (_WORDS / f"{name}.txt").read_text(encoding="utf-8").startswith("# lines"):
        entries = tuple(" ".join(entries).split())
    return frozenset(fold(entry) for entry in entries)


@cache
def given_names() -> frozenset[str]:
    return _provider_words(faker.providers.person.__path__, re.compile(r"first_name"))


@cache
def common_given_names() -> frozenset[str]:
    """Given names of the languages most written here: safe to look for where nothing is capitalised."""
    return _provider_words(faker.providers.person.__path__, re.compile(r"first_name"), _COMMON_LOCALES)


@cache
def familiar_given_names() -> frozenset[str]:
    """The given names of the United States and Britain: safe even alone and small."""
    return _provider_words(faker.providers.person.__path__, re.compile(r"first_name"), ("en_US", "en_GB"))


@cache
def familiar_surnames() -> frozenset[str]:
    return _provider_words(faker.providers.person.__path__, re.compile(r"last_name"), ("en_US", "en_GB"))


@cache
def surnames() -> frozenset[str]:
    return _provider_words(faker.providers.person.__path__, re.compile(r"last_name"))


@cache
def towns() -> frozenset[str]:
    """Towns of many countries, some of several words: only to be believed after a cue."""
    listed = _provider_words(
        faker.providers.address.__path__, re.compile("|".join(f"{name}$" for name in _TOWN_LISTS))
    )
    return listed | cities()


@cache
def cities() -> frozenset[str]:
    """Cities well known enough to be believed anywhere."""
    return words("cities")


def _provider_words(
    path: list[str], attribute: re.Pattern[str], locales: tuple[str, ...] = ()
) -> frozenset[str]:
    found: set[str] = set()
    for module in pkgutil.iter_modules(path):
        if locales and module.name not in locales:
            continue
        provider = importlib.import_module(f"{_package(path)}.{module.name}").Provider
        for name in filter(attribute.match, dir(provider)):
            found.update(fold(word) for word in _strings(getattr(provider, name)) if _LATIN.fullmatch(word))
    return frozenset(found)


def _package(path: list[str]) -> str:
    return f"faker.providers.{Path(next(iter(path))).name}"


def _strings(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list | tuple | set):
        for each in value:
            yield from _strings(each)
