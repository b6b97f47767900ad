"""A spaCy pipeline in the tagger's place, for a clinic that has one, such as en_core_web_lg."""

from privacy.kinds import Kind
from privacy.presidio import spacy
from privacy.rules import Recognizer
from privacy.tagger import kind_of

_SCORE = 0.85


class SpacyRecognizer(Recognizer):
    """Names, places and organizations by an installed pipeline. Raises OSError when there is none of that name."""

    def __init__(self, name: str) -> None:
        super().__init__("spacy", (Kind.NAME, Kind.LOCATION, Kind.ORGANIZATION))
        self._pipeline = spacy.load(name)

    def ranges(self, text: str) -> list[tuple[int, int, Kind, float]]:
        found = ((each.start_char, each.end_char, kind_of(each.label_)) for each in self._pipeline(text).ents)
        wanted = set(self.supported_entities)
        return [(start, end, kind, _SCORE) for start, end, kind in found if kind in wanted]
