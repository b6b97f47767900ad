"""The list of plain words that ``privacy.quiet`` passes over, made from word frequencies and the lists of names.

python -m sample_clinic.annotated.plain_words WORDFREQ_FOLDER SOURCES.json > platform/privacy/words/plain.txt
"""

import gzip
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import msgpack

from privacy import lexicon
from sample_clinic.annotated.slots import medicine
from sample_clinic.annotated.sources import Sources

_HEADER = """# lines
# Everyday and medical words that name nobody and announce no identifier. Made by sample_clinic.annotated.plain_words
# from the English word frequencies of wordfreq 3.1.1 (Robyn Speer, data CC BY-SA 4.0) less names, places and cues; this list
# is under CC BY-SA 4.0."""
_COMMON, _KNOWN = 20_000, 60_000
# Words that a name or a number follows, elements of dates, and ages over 89 in words: they are read closely.
_CUES = """mr mrs ms miss mister missus dr drs prof professor sir madam nurse reverend name names named surname alias nicknamed initials
street avenue boulevard lane road highway route apartment apt suite zip zipcode address addresses county township village borough
hospital hospitals clinic clinics university college school academy pharmacy company corporation inc llc ltd employer church
mrn ssn license licence plate plates serial account acct passport username password login badge vin policy subscriber chart
january february april june july august september october november december jan feb mar apr jun jul aug sep sept oct nov dec
ninety nineties hundred centenarian nonagenarian christmas halloween thanksgiving easter dot slash underscore hyphen dash
birthday birthdate dob born lives resides hometown phone fax email cell telephone extension ext intersection corner"""
# Words that some list of names holds, and that are hardly ever one in small letters.
_EVERYDAY = frozenset(
    [
        "white",
        "small",
        "best",
        "early",
        "son",
        "job",
        "else",
        "age",
        "reason",
        "low",
        "day",
        "days",
        "week",
        "weeks",
        "long",
        "male",
        "may",
        "my",
        "said",
        "till",
        "lot",
        "love",
        "good",
        "case",
        "little",
        "still",
    ]
)
_WORD = re.compile(r"a|i|[a-z]{2,}(?:'[a-z]+)?")  # other single letters are initials


def plain_words(wordfreq_folder: Path, sources: Sources) -> Iterator[str]:
    """Common words that are no usual name; rarer ones only if no list of names or towns anywhere holds them."""
    cues = frozenset(_CUES.split())
    named = lexicon.common_given_names() | lexicon.familiar_surnames()
    anywhere = named | lexicon.given_names() | lexicon.surnames() | _folded_words(sources)
    always = (lexicon.words("function") - named) | _EVERYDAY
    for rank, word in enumerate(_by_frequency(wordfreq_folder / "data" / "large_en.msgpack.gz")):
        refused = named if rank < _COMMON else anywhere
        if rank >= _KNOWN:
            break
        folded = lexicon.fold(word)
        if folded not in cues and (
            folded in always or (folded not in refused and (rank < _COMMON or len(folded) > 4))
        ):
            yield folded
    yield from (
        word
        for words in medicine().values()
        for word in words
        if re.fullmatch(r"[a-z]{5,}", word) and word not in named
    )


def _folded_words(sources: Sources) -> frozenset[str]:
    pools = (sources.women, sources.men, sources.surnames, sources.towns)
    return frozenset(lexicon.fold(word) for pool in pools for name in pool for word in name.split())


def _by_frequency(path: Path) -> Iterator[str]:
    with gzip.open(path) as file:
        header_and_buckets = msgpack.load(file, raw=False)
    yield from (word for bucket in header_and_buckets[1:] for word in bucket if _WORD.fullmatch(word))


if __name__ == "__main__":
    print(_HEADER)
    print("\n".join(sorted(set(plain_words(Path(sys.argv[1]), Sources.load(Path(sys.argv[2])))))))
