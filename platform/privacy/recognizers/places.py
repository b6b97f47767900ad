"""Places smaller than a state: towns by list and cue, with the streets and organizations that stand in them."""

import re
from collections.abc import Iterator

from privacy import lexicon
from privacy.kinds import Kind
from privacy.recognizers.geography import SCORE_NEXT, STATE, STATE_CODES, TOWN, ZIP
from privacy.recognizers.name_cues import CAP
from privacy.recognizers.organizations import ORGANIZATIONS
from privacy.recognizers.streets import STREETS
from privacy.rules import Recognizer, Windows

_LIVES = (
    r"\b(?i:lives|liv(?:es|ed|ing)\s+(?:near|in|at|on|with\s+\w+\s+\w+\s+in|alone\s+in)|resid(?:es|ed|ing)\s+(?:in|at|near)|resident\s+of|raised\s+in|born\s+in|grew\s+up\s+in|moved\s+(?:here\s+)?(?:to|from)|"
    r"relocated\s+(?:to|from)|originally\s+from|home\s*town\s*(?:is|:|of)?|native\s+of|home\s+in|house\s+in|hails\s+from|comes?\s+from|came\s+from|driv(?:es|ing|ove)\s+(?:in\s+)?from|"
    r"travel(?:s|ed|led|ing|ling)?\s+(?:to|from)|trip\s+to|visit(?:ed|ing)\s+\w*\s*(?:in|from)|vacation(?:ed|ing)?\s+in|fl(?:ew|ies|ying|y)\s+(?:to|from)|based\s+in|arrived\s+in|returned\s+(?:to|from)|i\s+am\s+in|i[\'’]m\s+in|city|town|county|location|place\s+of\s+birth|birthplace|city/state|where(?=:))"
    r"(?:\s*:\s*|\s+)(?:the\s+(?:town|city|village)\s+of\s+)?"
)

_IN_STATE = re.compile(
    rf",?\ (?:in\ |of\ )?(?P<town>{TOWN})(?:,?\ {STATE})?|,?\ (?:in\ |of\ )?{STATE}", re.VERBOSE
)
_LETTERHEAD = re.compile(rf",[ ](?P<town>{TOWN})[ ]*\n")
_STATE_ONLY = re.compile(rf",?[ ](?:in[ ])?{STATE}(?!\w)", re.VERBOSE)
_TOWN_STATE = re.compile(
    rf"(?<![\w-])(?P<town>{TOWN}),[ ]+(?P<state>{STATE})(?!\w)(?P<zip>[ ,]+{ZIP})?", re.VERBOSE
)
_CITY_RUN = re.compile(rf"(?<![\w-])(?:the[ ](?=Bronx))?{CAP}\.?(?:[ -]{CAP}\.?)*")
_CUED_TOWN = re.compile(rf"{_LIVES}(?P<town>{TOWN})")
_NEAR = re.compile(rf"\b(?:in|from|to|at|near|of|outside|around)[ ]+(?P<town>{TOWN})")
_COUNTY = re.compile(
    rf"(?<![\w-])(?:{CAP}[ ]){{1,2}}(?:County|Parish|Township|Village|Borough|Heights|Beach|Falls|Springs|Hills|Valley|Creek|Lake|Island|Harbor)\b"
)
_SUFFIX = re.compile(
    r"(?:ville|ton|town|burg|burgh|bury|borough|ford|field|wood|dale|port|mouth|shire|haven|ham|wick|stead|land|bridge|minster|view|side|crest|brook|vale|gate)$"
)


class PlaceRecognizer(Recognizer):
    def __init__(self) -> None:
        super().__init__("places", [Kind.LOCATION, Kind.ORGANIZATION])
        self.refused = lexicon.words("not_names") | lexicon.words("countries")
        self.weak = self.refused | lexicon.words("ordinary") | lexicon.words("eponyms")

    def ranges(self, text: str) -> list[tuple[int, int, Kind, float]]:
        windows = Windows(text)
        return [*self._organizations(text, windows), *self._streets(text, windows), *self._towns(text)]

    def _streets(self, text: str, windows: Windows) -> Iterator[tuple[int, int, Kind, float]]:
        for each in STREETS:
            for start, end in each.matches(text, windows):
                yield start, end, each.kind, each.score

    def _organizations(self, text: str, windows: Windows) -> Iterator[tuple[int, int, Kind, float]]:
        """Organizations, with the town and state that follow: "Mayo Clinic in Rochester, MN"."""
        for each in ORGANIZATIONS:
            for start, end in each.matches(text, windows):
                yield start, self._with_town(text, end), each.kind, each.score

    def _with_town(self, text: str, end: int) -> int:
        if state := _STATE_ONLY.match(text, end):
            return state.end()
        if letterhead := _LETTERHEAD.match(text, end):
            return letterhead.end("town")
        tail = _IN_STATE.match(text, end)
        if tail and tail["town"] and (known := self._known(tail["town"], lexicon.towns() | lexicon.cities())):
            end = tail.start("town") + known
            state = _STATE_ONLY.match(text, end)
            return state.end() if state else end
        return end

    def _towns(self, text: str) -> Iterator[tuple[int, int, Kind, float]]:
        for match in _TOWN_STATE.finditer(text):
            start = match.start() + _lead(match["town"], self.refused)
            # "Priya Raman, MD" is a doctor, not a town in Maryland.
            credential = match["state"] in {"MD", "PA", "DO", "MA"} and not match["zip"]
            if credential and lexicon.fold(text[start : match.end("town")]) not in lexicon.towns():
                continue
            if start < match.end("town"):
                yield start, match.end(), Kind.LOCATION, 0.9
        for match in _CUED_TOWN.finditer(text):
            start, _end = match.span("town")
            town = match["town"]
            if re.fullmatch(STATE_CODES, town) or len(town) < 3:
                continue
            if lexicon.fold(town) not in self.refused and lexicon.fold(town.split()[0]) not in self.refused:
                yield start, start + len(town), Kind.LOCATION, 0.7
        for match in _CITY_RUN.finditer(text):
            yield from self._cities_in(text, match.start(), match.group())
        for match in _NEAR.finditer(text):
            start, town = match.start("town"), match["town"]
            if known := self._near(town):
                yield start, start + known, Kind.LOCATION, 0.55
        for match in _COUNTY.finditer(text):
            if lexicon.fold(match.group().split()[0]) not in self.refused:
                yield *match.span(), Kind.LOCATION, 0.7

    def _cities_in(self, text: str, start: int, run: str) -> Iterator[tuple[int, int, Kind, float]]:
        words = list(re.finditer(r"\S+", run))
        i = 0
        while i < len(words):
            for j in range(min(len(words), i + 3), i, -1):
                piece = run[words[i].start() : words[j - 1].end()].rstrip(".")
                piece = re.sub(r"['’]s$", "", piece)
                left = start + words[i].start()
                if piece.isupper() and len(piece) < 6 and "." not in piece:
                    continue
                if lexicon.fold(piece) in lexicon.cities() and not SCORE_NEXT.match(text, left + len(piece)):
                    yield left, left + len(piece), Kind.LOCATION, 0.65
                    i = j - 1
                    break
            i += 1

    def _near(self, town: str) -> int:
        first = lexicon.fold(town.split()[0])
        if first in self.weak:
            return 0
        known = self._known(town, lexicon.towns())
        return known or (len(town.split()[0]) if _SUFFIX.search(first) and len(first) > 6 else 0)

    @staticmethod
    def _known(town: str, listed: frozenset[str]) -> int:
        """Length of the longest beginning of ``town``, in whole words, that is a listed town."""
        ends = [match.end() for match in re.finditer(r"[^\s,]+", town)]
        return next((end for end in reversed(ends) if lexicon.fold(town[:end].rstrip(".")) in listed), 0)


def _lead(town: str, refused: frozenset[str]) -> int:
    """Characters of leading words that are no part of a town's name ("In Springfield")."""
    for match in re.finditer(r"\S+", town):
        if lexicon.fold(match.group()) not in refused or match.group() in {
            "New",
            "North",
            "South",
            "East",
            "West",
        }:
            return match.start()
    return len(town)


def build() -> PlaceRecognizer:
    return PlaceRecognizer()
