"""Names of people: by title, cue, credential, initials and order, over lists of given names and surnames."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from privacy import lexicon
from privacy.kinds import Kind
from privacy.recognizers import name_cues as cues
from privacy.rules import Ranges, Recognizer, Windows


@dataclass(frozen=True, slots=True)
class _Token:
    start: int
    end: int
    word: str
    folded: str
    dotted: bool
    possessive: bool

    @property
    def initial(self) -> bool:
        return len(self.word) == 1 and (self.dotted or self.word not in "IA")

    @property
    def shouted(self) -> bool:
        return len(self.word) > 1 and self.word.isupper()


Range = tuple[int, int, Kind, float]


class NameRecognizer(Recognizer):
    def __init__(self) -> None:
        super().__init__("names", [Kind.NAME])
        never = lexicon.words("not_names")
        self.never = never
        self.doubtful = lexicon.words("ordinary") | lexicon.words("eponyms") | lexicon.cities()
        self.given = lexicon.given_names() - never
        self.surnames = lexicon.surnames() - never
        self.plain_given = self.given - lexicon.words("ordinary")
        self.plain_surnames = self.surnames - self.doubtful
        self.all_surnames = lexicon.surnames() - lexicon.words("function")
        self.any_given = lexicon.given_names() - lexicon.words("function")
        self.surnames_that_are_words = (lexicon.familiar_surnames() & never) - {"may", "will", "long"}
        self.plausible_surnames = self.surnames - lexicon.words("ordinary") | self.plain_given
        self.plain = self.plain_given | self.plain_surnames
        self.listed = self.given | self.surnames
        self.ordinary = lexicon.words("ordinary")
        self.unlikely = never | self.doubtful
        names = lexicon.given_names() | self.all_surnames
        institutions = lexicon.words("not_institutions")
        self.no_relative = never | institutions | (self.doubtful - self.given)
        self.no_signature = (never | lexicon.words("function") | institutions) - names | lexicon.words(
            "function"
        )
        self.eponyms = lexicon.words("eponyms")
        self.common = lexicon.common_given_names() - never - self.doubtful
        self.familiar = lexicon.familiar_given_names() & self.common

    def ranges(self, text: str) -> list[Range]:
        found = [*self._runs(text), *self._cued(text), *self._comma_forms(text), *self._lower(text)]
        return found + list(self._again(text, found))

    # -- runs of capitalised words -------------------------------------------------------------------------

    def _runs(self, text: str) -> Iterator[Range]:
        for run in cues.RUN.finditer(text):
            tokens = _tokens(text, run.start(), run.end())
            credential = bool(cues.CREDENTIAL.match(text, run.end())) if tokens else False
            i = 0
            while i < len(tokens):
                j, score, first = self._name_at(text, tokens, i, credential)
                if j > i:
                    first = self._back(tokens, first)
                    yield tokens[first].start, tokens[j - 1].end, Kind.NAME, score
                i = max(j, i + 1)

    def _name_at(self, text: str, tokens: list[_Token], i: int, credential: bool) -> tuple[int, float, int]:
        """End index (``i`` when no name starts here), score, and the token the identifier starts at."""
        token = tokens[i]
        if token.folded in cues.TITLES or token.folded in cues.DOCTOR:
            if token.dotted and len(token.word) > 4:
                return i, 0.0, i  # "Thank you, Doctor. Do I ...": the sentence ended
            sure = token.folded in {"mr", "mrs", "ms", "dr", "mister"}
            j = self._titled(tokens, i + 1, sure=sure)
            if j == i + 1:
                return i, 0.0, i
            return j, 0.95, i if token.folded in cues.DOCTOR else i + 1
        if cues.CONTRACTION.search(token.word):
            return i, 0.0, i
        if token.initial:
            return self._after_initials(tokens, i), 0.8, i
        followed = i == 0 and (credential or cues.IDENTITY_NEXT.match(text, tokens[-1].end))
        if followed and len(tokens) > 1 and self._all_names(tokens):
            return len(tokens), 0.9, 0
        if credential and i == 0 and token.folded not in self.never and len(tokens) > 1:
            return self._extend(tokens, i, loose=True), 0.9, i
        if token.folded in self.given:
            j = self._extend(tokens, i, loose=token.folded in self.plain_given and not token.shouted)
            return (j, 0.85 if j - i > 1 else 0.6, i) if self._is_name(text, tokens, i, j) else (i, 0.0, i)
        if token.folded in self.plain_surnames:
            j = i + 1
            if j < len(tokens) and tokens[j].folded in self.plain_given:
                return j + 1, 0.7, i
            return (j, 0.5, i) if self._stands_alone(text, token) else (i, 0.0, i)
        if self._foreign(token):
            j = self._extend(tokens, i, loose=True)
            alone = not token.word.isascii() or cues.STRONG_ENDING.search(token.folded)
            before = i > 0 and tokens[i - 1].folded not in self.unlikely
            sure = (j - i > 1 or alone or before) and not cues.MEDICAL_NOUN.match(text, tokens[j - 1].end)
            return (j, 0.65, i) if sure else (i, 0.0, i)
        return i, 0.0, i

    def _back(self, tokens: list[_Token], first: int) -> int:
        """Take in the unlisted given name and initials before a surname: "Faina D. Yefremova"."""
        if tokens[first].folded in self.given or tokens[first].initial:
            return first
        i = first
        while i > 0 and tokens[i - 1].initial:
            i -= 1
        if i == 0:
            return i
        before = tokens[i - 1]
        known = before.folded in self.unlikely or before.folded in cues.ANY_TITLE
        ended = before.dotted and len(before.word) > 1
        return i if known or ended or before.shouted or cues.CONTRACTION.search(before.word) else i - 1

    def _foreign(self, token: _Token) -> bool:
        """No listed word, but written as names of other languages are: "Szöllösy", "Dratchev"."""
        if token.shouted or len(token.word) < 4 or token.folded in self.unlikely:
            return False
        return not token.word.isascii() or (
            cues.SURNAME_ENDING.search(token.folded) is not None and len(token.word) > 5
        )

    def _all_names(self, tokens: list[_Token]) -> bool:
        """Every word may be a name, though each may be a word as well: "April Winter", "Joy Thistlewood"."""
        first, *rest = tokens
        return (
            len(tokens) < 4
            and first.folded in self.any_given
            and all(t.initial or t.folded in self.all_surnames or t.folded not in self.unlikely for t in rest)
        )

    def _titled(self, tokens: list[_Token], i: int, *, sure: bool = False) -> int:
        j = i
        while j < len(tokens) and j - i < 4:
            token = tokens[j]
            known = (
                token.initial
                or token.folded not in self.never
                or (j == i and (sure or token.folded in self.all_surnames or token.folded in self.any_given))
            )
            if not known or cues.CONTRACTION.search(token.word):
                break
            if token.folded in cues.ANY_TITLE and j > i:
                break
            j += 1
            if token.dotted and (len(token.word) > 2 or (token.end - token.start > 1 and j - i > 1)):
                break  # the sentence ended
        return j

    def _after_initials(self, tokens: list[_Token], i: int) -> int:
        j = i
        while j < len(tokens) and tokens[j].initial and j - i < 3:
            j += 1
        sure = tokens[i].dotted or j - i > 1
        if sure and j < len(tokens) and tokens[j].folded in self.surnames and len(tokens[j].word) > 2:
            return j + 1 if tokens[j].folded not in self.ordinary or tokens[i].dotted else i
        return i

    def _extend(self, tokens: list[_Token], i: int, *, loose: bool) -> int:
        """The end of the name that starts at ``i``: initials, listed names, and one unlisted word if ``loose``."""
        j, unlisted = i + 1, not loose
        while j < len(tokens) and j - i < 5:
            token = tokens[j]
            if token.dotted is False and tokens[j - 1].dotted and len(tokens[j - 1].word) > 2:
                break  # the sentence ended
            if (
                j - i > 1
                and token.folded in self.familiar
                and tokens[j - 1].folded in self.surnames
                and j + 1 < len(tokens)
            ):
                break  # the next person: "Anna Smith John Brown"
            if tokens[j - 1].possessive:
                break
            if token.initial:
                pass
            elif token.folded in cues.ANY_TITLE or (
                token.folded in self.never and not self._closes(tokens, j)
            ):
                break
            elif token.folded in self.surnames or token.folded in self.given or self._foreign(token):
                pass
            elif cues.CONTRACTION.search(token.word) or unlisted or token.shouted:
                break
            else:
                unlisted = True
            j += 1
        return j

    def _closes(self, tokens: list[_Token], j: int) -> bool:
        """A word like "Day" is a surname where the run of capitals ends with it: "Malik Day, 67"."""
        return (
            j == len(tokens) - 1
            and not tokens[j].shouted
            and tokens[j].folded in self.surnames_that_are_words
        )

    def _is_name(self, text: str, tokens: list[_Token], i: int, j: int) -> bool:
        rest = tokens[i + 1 : j]
        if not rest:
            return tokens[i].folded in self.plain_given and self._stands_alone(text, tokens[i])
        if tokens[i].shouted and not any(t.shouted and t.folded in self.plain for t in rest):
            return False
        if cues.MEDICAL_NOUN.match(text, tokens[j - 1].end) and tokens[j - 1].folded in self.eponyms:
            return False
        if tokens[i].folded in self.plain_given:
            return True
        return any((t.initial and t.dotted) or t.folded in self.plausible_surnames for t in rest)

    def _stands_alone(self, text: str, token: _Token) -> bool:
        """A single listed name, neither shouted (ANA is a test) nor the name of a disease, sign or tool."""
        if token.shouted or len(token.word) < 3 or (token.dotted and len(token.word) < 4):
            return False
        if any(part in self.eponyms for part in token.folded.split("-")) and token.folded not in self.given:
            return False
        return not cues.MEDICAL_NOUN.match(text, token.end) and not text.startswith(
            ("-", "–", "/"), token.end
        )

    # -- words that announce a name ------------------------------------------------------------------------

    def _cued(self, text: str) -> Iterator[Range]:
        near = Windows(text).of("capital")  # every cue announces a capitalised word
        for cue in _all(cues.STRONG_CUE, text, near):
            # "Patient: Anna" may be a form or the speaker of a line of dialogue.
            speaker = lexicon.fold(cue.group().strip(" :=\t\n")) in cues.SPEAKERS
            refused = self.unlikely if speaker else self.never
            yield from self._announced(text, cue.end(), refused, 0.9, listed=speaker)
        for cue in _all(cues.WEAK_CUE, text, near):
            yield from self._announced(text, cue.end(), self.unlikely, 0.75, listed=True)
        for cue in _all(cues.KIN_CUE, text, near):
            yield from self._announced(text, cue.end(), self.no_relative, 0.75)
        for cue in _all(cues.SIGN_OFF, text, near):
            run = cues.RUN.match(text, cue.end())
            if (run and cues.LINE_END.match(text, run.end())) or (
                run and cues.CREDENTIAL.match(text, run.end())
            ):
                yield from self._announced(text, cue.end(), self.no_signature, 0.85)
        for match in cues.FROM_TO.finditer(text):
            if not any(
                lexicon.fold(match[each]) in self.no_signature or match[each].isupper() for each in "ab"
            ):
                yield *match.span("a"), Kind.NAME, 0.8
                yield *match.span("b"), Kind.NAME, 0.8
        for match in cues.INITIALS.finditer(text):
            if match["name"].strip() not in {"U.S.", "M.D.", "D.O.", "P.O.", "R.N."}:
                yield *match.span("name"), Kind.NAME, 0.7

    def _announced(
        self, text: str, start: int, refused: frozenset[str], score: float, *, listed: bool = False
    ) -> Iterator[Range]:
        run = cues.RUN.match(text, start)
        if not run:
            return
        tokens = _tokens(text, run.start(), run.end())
        while tokens and tokens[0].folded in cues.ANY_TITLE:
            tokens.pop(0)
        if len(tokens) > 1 and tokens[0].folded in refused and self._all_names(tokens):
            yield tokens[0].start, tokens[-1].end, Kind.NAME, score
            return
        if tokens and tokens[0].folded in self.eponyms and cues.MEDICAL_NOUN.match(text, tokens[0].end):
            return
        if (
            not tokens
            or tokens[0].folded in refused
            or cues.CONTRACTION.search(tokens[0].word)
            or (tokens[0].shouted and (listed or len(tokens) == 1))
        ):
            return
        if listed and not any(t.folded in self.plain for t in tokens[:3]):
            return
        j = self._titled(tokens, 0)
        if j and any(len(t.word) > 1 for t in tokens[:j]):
            yield tokens[0].start, tokens[j - 1].end, Kind.NAME, score

    def _comma_forms(self, text: str) -> Iterator[Range]:
        for match in cues.COMMA_FORM.finditer(text):
            last, first = lexicon.fold(match["last"]), lexicon.fold(match["first"])
            likely = first in self.plain_given and (last in self.plain or match["middle"])
            born = first in self.any_given and cues.BIRTH_NEXT.match(text, match.end())
            if born or (likely and last in self.surnames):
                yield match.start(), match.end(), Kind.NAME, 0.8

    def _lower(self, text: str) -> Iterator[Range]:
        for match in cues.LOWER_CUE.finditer(text):
            start = match.start("name")
            for i, word in enumerate(re.finditer(r"\S+", match["name"])):
                folded = lexicon.fold(word.group().strip("."))
                if folded in self.never or (i and folded not in self.plain and len(folded) > 1):
                    break
                end = start + word.end()
                yield start, end, Kind.NAME, 0.7
        yield from self._lower_pairs(text)
        for match in cues.LOWER_TITLE.finditer(text):
            yield from self._lower_titled(match)
        for match in cues.SPEAKER.finditer(text):
            parts = [lexicon.fold(word) for word in match["name"].split()]
            if all(part in self.plain for part in parts) and parts[0] not in self.doubtful:
                yield *match.span("name"), Kind.NAME, 0.6

    def _lower_titled(self, match: re.Match[str]) -> Iterator[Range]:
        words = list(re.finditer(r"\S+", match["name"]))
        folded = [lexicon.fold(cues.POSSESSIVE.sub("", word.group())) for word in words]
        sure = match["title"].endswith(".")
        if not sure and cues.NOT_A_TITLE.search(match.string, max(0, match.start() - 12), match.start()):
            return
        if folded[0] in self.never or (folded[0] not in self.listed and not sure):
            return
        count = 2 if len(words) == 2 and folded[1] in self.surnames and folded[0] in self.plain_given else 1
        start = match.start("doctor") if match["doctor"] else match.start("name")
        yield start, match.start("name") + words[count - 1].end(), Kind.NAME, 0.8

    def _lower_pairs(self, text: str) -> Iterator[Range]:
        """ "olga krylova", "brian white": transcripts write names small."""
        for given in self.common.intersection(cues.LOWER_WORDS.findall(text)):
            for match in re.finditer(
                rf"(?<![\w@./'’-]){given}(?![\w@/-]|\.\w)(?:[ ]+(?:[a-z]\.?[ ]+)?(?P<last>[^\W\d_]{{2,}}))?",
                text,
            ):
                last = lexicon.fold(match["last"] or "")
                if last in self.surnames and last not in lexicon.words("function"):
                    yield *match.span(), Kind.NAME, 0.7
                elif given in self.familiar and not cues.MEDICAL_NOUN.match(text, match.start() + len(given)):
                    yield match.start(), match.start() + len(given), Kind.NAME, 0.5

    # -- the same person again -----------------------------------------------------------------------------

    def _again(self, text: str, found: list[Range]) -> Iterator[Range]:
        """Every capitalised word that was part of a sure name elsewhere in the text."""
        sure: set[str] = set()
        for start, end, _, score in found:
            if score >= 0.8:
                sure.update(token.word for token in _tokens(text, start, end))
        refused = self.never | self.ordinary | cues.ANY_TITLE
        sure = {word for word in sure if len(word) > 2 and lexicon.fold(word) not in refused}
        if not sure:
            return
        pattern = re.compile(
            rf"(?<![\w-])(?:{'|'.join(map(re.escape, sorted(sure, key=len, reverse=True)))})(?![\w-])"
        )
        for match in pattern.finditer(text):
            eponym = lexicon.fold(match.group()) in self.eponyms
            if not (eponym and cues.MEDICAL_NOUN.match(text, match.end())):
                yield *match.span(), Kind.NAME, 0.55


def _all(pattern: re.Pattern[str], text: str, windows: Ranges) -> Iterator[re.Match[str]]:
    return (match for start, end in windows for match in pattern.finditer(text, start, end))


def _tokens(text: str, start: int, end: int) -> list[_Token]:
    tokens = []
    for match in cues.TOKEN.finditer(text, start, end):
        if match["word"] is None:
            continue
        word = cues.POSSESSIVE.sub("", match["word"])
        stop = match.start() + len(word) + (len(match["dot"]) if len(word) == 1 else 0)
        tokens.append(
            _Token(match.start(), stop, word, lexicon.fold(word), bool(match["dot"]), word != match["word"])
        )
    return tokens


def build() -> NameRecognizer:
    return NameRecognizer()
