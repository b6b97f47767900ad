"""Names of people: by title, cue, credential, initials and order, over lists of given names and surnames."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from privacy import lexicon
from privacy.kinds import Kind
from privacy.rules import Recognizer

CAP = r"[^\W\d_a-zß-öø-ÿ][^\W\d_]*(?:['’\-][^\W\d_]+)*"
_PARTICLE = r"(?:van|von|de|der|den|del|della|di|da|dos|du|la|le|bin|ibn|al|el|ter|ten|av|af|y)"
_RUN = re.compile(rf"(?<![\w@/\\&-])(?<!\w['’]){CAP}\.?(?:[ \t]{{1,2}}(?:{_PARTICLE}[ \t])*{CAP}\.?|(?<=\.){CAP}\.?)*")
_TOKEN = re.compile(rf"(?P<word>{CAP})(?P<dot>\.?)|(?P<particle>{_PARTICLE})\b")
_POSSESSIVE = re.compile(r"['’][sS]?$")
_TITLES = frozenset("mr mrs ms miss mx mister missus sir madam nurse sister rev reverend fr father".split())
_SPEAKERS = frozenset("patient pt provider physician surgeon resident consultant interpreter witness to from re regarding".split())
_CONTRACTION = re.compile(r"['’](?:m|ve|ll|re|d|t)$", re.IGNORECASE)
# Endings that surnames of several languages have and English words hardly ever.
_SURNAME_ENDING = re.compile(
    r"(?:ov|ova|ev|eva|ski|ska|sky|czyk|wicz|ic|ova|sson|sdottir|dottir|nen|enko|escu|yan|ian|idze|shvili|oglu|opoulos|akis|inen|quist|strom|berg|stein|mann|hauser|etti|elli|ucci|ini|ez|sen)$"
)
_STRONG_ENDING = re.compile(r"\w{3,}(?:ov|ova|eva|yev|sson|dottir|sk[iay]|wicz|czyk|shvili|idze|enko|escu|inen|opoulos)$")
_DOCTOR = frozenset("dr drs doctor prof professor".split())
_ANY_TITLE = _TITLES | _DOCTOR

_MEDICAL_NOUN = re.compile(
    r"['’]?s?['’]?[\s\-–]+(?:[A-Za-z]+[\s-]+){0,2}?(?:disease|syndrome|signs?|tests?|score|scores|scale|criteria|criterion|classification|class|"
    r"grade|grading|stag(?:e|ing)|index|man(?:eu|oeu)ver|manoeuvre|reflex|catheter|tube|drain|stain|procedure|operation|"
    r"repair|technique|approach|fracture|lymphoma|disorder|palsy|phenomen(?:on|a)|cysts?|nodes?|esophagus|oesophagus|tumou?r|"
    r"sarcoma|contracture|thyroiditis|ataxia|chorea|position|retractor|forceps|clamp|needle|clips?|splint|boots?|cast|wires?|"
    r"pins?|plate|screws?|prosthesis|valve|stent|shunt|pouch|line|port|ring|rod|nail|dressing|law|sphincter|duct|glands?|"
    r"canal|ligament|tendon|area|triad|formula|equation|method|views?|lines|bodies|cells?|virus|trial|study|protocol|regimen|"
    r"diet|exercises?|brace|walker|block|solution|membrane|effect|levels?|calculator|questionnaire|inventory|risk|triangle|"
    r"point|space|facies|anomaly|malformation|deformity|lamp|gait|respirations?|murmur|pulse|cardiomyopathy|purpura|"
    r"encephalopathy|dementia|esotropia|scissors|bag|hook|knife|scope|collar|apparatus|frame|traction|bed|fossa|spots?|ulcers?|"
    r"nephropathy|neuropathy|anemia|sarcoidosis|arthritis|tremors?|foot|hernia|chart|plot|curve|unit|medication|meds)\b",
    re.IGNORECASE,
)
_CREDENTIAL = re.compile(
    r",?[ \t]+(?:M\.?D|D\.?O|R\.?N|N\.?P|P\.?A(?:-?C)?|Ph\.?D|D\.?D\.?S|D\.?P\.?M|L\.?C\.?S\.?W|D\.?P\.?T|C\.?R\.?N\.?A|F\.?N\.?P(?:-?B?C)?|"
    r"A\.?P\.?R\.?N|PharmD|MBBS|MBChB|FAC[SCP]|FRCP|BSN|MSN|LPN|CNM|OTR|RT|PsyD)\b\.?"
)
# After these whatever is capitalised is a name, in the lists or not.
_STRONG_CUE = re.compile(
    r"\b(?i:(?:patient|pt|full|first|last|middle|maiden|given|family|birth|legal|preferred|doctor|provider|physician|mother|father|spouse|guardian|contact|emergency\s+contact|caregiver|employee|member|subscriber|husband|wife|daughter|son)['’]?s?[ ]?\.?\s+name|"
    r"name|surname|alias|aka|a\.k\.a\.|named|my\s+name(?:['’]s|\s+is)|call(?:ed|s)?\s+me|goes\s+by|nicknamed|signed(?:\s+by)?|dictated\s+by|"
    r"transcribed\s+by|authored\s+by|reviewed\s+by|cosigned\s+by|electronically\s+signed\s+by|"
    r"attending(?:\s+(?:physician|surgeon|provider))?|primary\s+care(?:\s+(?:physician|provider))?|pcp|surgeon|physician|provider|next\s+of\s+kin|nok|"
    r"emergency\s+contact|guarantor|subscriber|patient|pt|re|regarding|cc|attn|attention|to|from|resident|consultant|referring(?:\s+(?:physician|provider))?|interpreter|witness|accompanied\s+by)"
    r"(?:\s*[:=]\s*|(?<=name)\s+(?:is|was)\s+|(?<=named)\s+|(?<=e is)\s+|(?<=e['’]s)\s+|(?<=me)\s+(?!is\b|was\b)|(?<=by)\s+|(?<=aka)\s+)"
)
# After these a capitalised word that is no ordinary one is a name.
_WEAK_CUE = re.compile(
    r"\b(?i:i\s?['’]?a?m|i\s+am|this\s+is|it['’]s|meet|dear|hi|hello|hey|thanks|thank\s+you|sincerely|regards|good\s+(?:morning|afternoon|evening)|"
    r"(?:wife|husband|spouse|partner|fianc[ée]e?|son|daughter|mother|father|mom|dad|brother|sister|aunt|uncle|niece|nephew|cousin|"
    r"grand(?:mother|father|son|daughter|ma|pa|child)|step(?:mother|father|son|daughter)|boyfriend|girlfriend|roommate|neighbor|friend|caregiver|guardian|"
    r"caretaker|boss|coworker|child|kid|baby|twins?|sibling|parent)(?:-in-law)?s?|"
    r"(?:seen|treated|evaluated|followed|referred|examined|performed|managed|operated|accompanied|recommended|prescribed|ordered|interpreted|read|delivered|cared\s+for)\s+by|"
    r"spoke\s+(?:to|with)|discussed\s+with|according\s+to|per|under|patients?\s+like|patients?|pt\.?|like|named|called|male|female|man|woman|gentleman|lady|boy|girl|surgeon|doctor|nurse|"
    r"son\s+of|daughter\s+of|wife\s+of|husband\s+of|mother\s+of|father\s+of|care\s+of|referencing|referring\s+to|regarding|attn|c/o|for)"
    r",?[ \t]+(?=[^\W\d_a-z])"
)
_LOWER_CUE = re.compile(
    r"\b(?:my\s+(?:full\s+|first\s+|last\s+)?name(?:['’]s|\s+is)|maiden\s+name\s+is|people\s+call\s+me|everyone\s+calls\s+me|(?:i['’]m|i\s+am|this\s+is)(?=\s+\w+\s+(?:\w\s+)?\w+\s*$))\s+"
    r"(?P<name>[^\W\d_]{2,}(?:[ ]+[^\W\d_]+\.?){0,2})",
    re.IGNORECASE,
)
_LOWER_TITLE = re.compile(
    r"(?<!\w)(?P<title>(?P<doctor>[Dd]rs?\.?|[Dd]octor|[Pp]rofessor)|[Mm]rs?\.?|[Mm]s\.?|[Mm]ister|[Mm]iss(?:us)?)[ ]+"
    r"(?P<name>[a-z][a-z'’-]{2,}(?:[ ]+[a-z][a-z'’-]{2,})?)\b"
)
_NOT_A_TITLE = re.compile(r"\b(?:the|my|your|our|a|an|his|her|their|this|that|care|other|another|eye|each|every|any|to|will|you|i|would)[ ]+$", re.I)
_COMMA_FORM = re.compile(rf"(?<![\w-])(?P<last>{CAP}),[ \t]+(?P<first>{CAP})(?P<middle>[ \t]+[A-Z]\b\.?)?")
_LOWER_WORDS = re.compile(r"(?<![\w@.'’-])[a-z]{3,}\b")
_SPEAKER = re.compile(r"^[\s>\"*?-]*(?P<name>[^\W\d_]{3,}(?: [^\W\d_]{2,})?)\s*:", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class _Token:
    start: int
    end: int
    word: str
    folded: str
    dotted: bool

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
        self.plain = self.plain_given | self.plain_surnames
        self.listed = self.given | self.surnames
        self.ordinary = lexicon.words("ordinary")
        self.unlikely = never | self.doubtful
        self.eponyms = lexicon.words("eponyms")
        self.common = lexicon.common_given_names() - never - self.doubtful
        self.familiar = lexicon.familiar_given_names() & self.common

    def ranges(self, text: str) -> list[Range]:
        found = [*self._runs(text), *self._cued(text), *self._comma_forms(text), *self._lower(text)]
        return found + list(self._again(text, found))

    # -- runs of capitalised words -------------------------------------------------------------------------

    def _runs(self, text: str) -> Iterator[Range]:
        for run in _RUN.finditer(text):
            tokens = _tokens(text, run.start(), run.end())
            credential = bool(_CREDENTIAL.match(text, run.end())) if tokens else False
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
        if token.folded in _TITLES or token.folded in _DOCTOR:
            j = self._titled(tokens, i + 1)
            if j == i + 1:
                return i, 0.0, i
            return j, 0.95, i if token.folded in _DOCTOR else i + 1
        if _CONTRACTION.search(token.word):
            return i, 0.0, i
        if token.initial:
            return self._after_initials(tokens, i), 0.8, i
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
            alone = not token.word.isascii() or _STRONG_ENDING.search(token.folded)
            before = i > 0 and tokens[i - 1].folded not in self.unlikely
            sure = (j - i > 1 or alone or before) and not _MEDICAL_NOUN.match(text, tokens[j - 1].end)
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
        known = before.folded in self.unlikely or before.folded in _ANY_TITLE
        ended = before.dotted and len(before.word) > 1
        return i if known or ended or before.shouted or _CONTRACTION.search(before.word) else i - 1

    def _foreign(self, token: _Token) -> bool:
        """No listed word, but written as names of other languages are: "Szöllösy", "Dratchev"."""
        if token.shouted or len(token.word) < 4 or token.folded in self.unlikely:
            return False
        return not token.word.isascii() or _SURNAME_ENDING.search(token.folded) is not None and len(token.word) > 5

    def _titled(self, tokens: list[_Token], i: int) -> int:
        j = i
        while j < len(tokens) and j - i < 4:
            token = tokens[j]
            if not (token.initial or token.folded not in self.never) or _CONTRACTION.search(token.word):
                break
            if token.folded in _ANY_TITLE and j > i:
                break
            j += 1
            if token.dotted and (len(token.word) > 2 or token.end - token.start > 1 and j - i > 1):
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
            if token.initial:
                pass
            elif token.folded in self.never or token.folded in _ANY_TITLE:
                break
            elif token.folded in self.surnames or token.folded in self.given or self._foreign(token):
                pass
            elif _CONTRACTION.search(token.word) or unlisted or token.shouted:
                break
            else:
                unlisted = True
            j += 1
        return j

    def _is_name(self, text: str, tokens: list[_Token], i: int, j: int) -> bool:
        rest = tokens[i + 1 : j]
        if not rest:
            return tokens[i].folded in self.plain_given and self._stands_alone(text, tokens[i])
        if tokens[i].shouted and not any(t.shouted and t.folded in self.plain for t in rest):
            return False
        if _MEDICAL_NOUN.match(text, tokens[j - 1].end) and tokens[j - 1].folded in self.eponyms:
            return False
        if tokens[i].folded in self.plain_given:
            return True
        return any((t.initial and t.dotted) or t.folded in self.plain for t in rest)

    def _stands_alone(self, text: str, token: _Token) -> bool:
        """A single listed name, neither shouted (ANA is a test) nor the name of a disease, sign or tool."""
        if token.shouted or len(token.word) < 3 or (token.dotted and len(token.word) < 4):
            return False
        if any(part in self.eponyms for part in token.folded.split("-")) and token.folded not in self.given:
            return False
        return not _MEDICAL_NOUN.match(text, token.end) and not text.startswith(("-", "–", "/"), token.end)

    # -- words that announce a name ------------------------------------------------------------------------

    def _cued(self, text: str) -> Iterator[Range]:
        for cue in _STRONG_CUE.finditer(text):
            # "Patient: Anna" may be a form or the speaker of a line of dialogue.
            speaker = lexicon.fold(cue.group().strip(" :=\t\n")) in _SPEAKERS
            refused = self.unlikely if speaker else self.never
            yield from self._announced(text, cue.end(), refused, 0.9, listed=speaker)
        for cue in _WEAK_CUE.finditer(text):
            yield from self._announced(text, cue.end(), self.unlikely, 0.75, listed=True)

    def _announced(
        self, text: str, start: int, refused: frozenset[str], score: float, *, listed: bool = False
    ) -> Iterator[Range]:
        run = _RUN.match(text, start)
        if not run:
            return
        tokens = _tokens(text, run.start(), run.end())
        while tokens and tokens[0].folded in _ANY_TITLE:
            tokens.pop(0)
        if tokens and tokens[0].folded in self.eponyms and _MEDICAL_NOUN.match(text, tokens[0].end):
            return
        if not tokens or tokens[0].folded in refused or _CONTRACTION.search(tokens[0].word) or (tokens[0].shouted and (listed or len(tokens) == 1)):
            return
        if listed and not any(t.folded in self.plain for t in tokens[:3]):
            return
        j = self._titled(tokens, 0)
        if j and any(len(t.word) > 1 for t in tokens[:j]):
            yield tokens[0].start, tokens[j - 1].end, Kind.NAME, score

    def _comma_forms(self, text: str) -> Iterator[Range]:
        for match in _COMMA_FORM.finditer(text):
            last, first = lexicon.fold(match["last"]), lexicon.fold(match["first"])
            if last in self.surnames and first in self.plain_given and (last in self.plain or match["middle"]):
                yield match.start(), match.end(), Kind.NAME, 0.8

    def _lower(self, text: str) -> Iterator[Range]:
        for match in _LOWER_CUE.finditer(text):
            start = match.start("name")
            for i, word in enumerate(re.finditer(r"\S+", match["name"])):
                folded = lexicon.fold(word.group().strip("."))
                if folded in self.never or (i and folded not in self.plain and len(folded) > 1):
                    break
                end = start + word.end()
                yield start, end, Kind.NAME, 0.7
        yield from self._lower_pairs(text)
        for match in _LOWER_TITLE.finditer(text):
            yield from self._lower_titled(match)
        for match in _SPEAKER.finditer(text):
            parts = [lexicon.fold(word) for word in match["name"].split()]
            if all(part in self.plain for part in parts) and parts[0] not in self.doubtful:
                yield *match.span("name"), Kind.NAME, 0.6

    def _lower_titled(self, match: re.Match[str]) -> Iterator[Range]:
        words = list(re.finditer(r"\S+", match["name"]))
        folded = [lexicon.fold(_POSSESSIVE.sub("", word.group())) for word in words]
        sure = match["title"].endswith(".")
        if not sure and _NOT_A_TITLE.search(match.string, max(0, match.start() - 12), match.start()):
            return
        if folded[0] in self.never or (folded[0] not in self.listed and not sure):
            return
        count = 2 if len(words) == 2 and folded[1] in self.surnames and folded[0] in self.plain_given else 1
        start = match.start("doctor") if match["doctor"] else match.start("name")
        yield start, match.start("name") + words[count - 1].end(), Kind.NAME, 0.8

    def _lower_pairs(self, text: str) -> Iterator[Range]:
        """"olga krylova", "brian white": transcripts write names small."""
        for given in self.common.intersection(_LOWER_WORDS.findall(text)):
            for match in re.finditer(rf"(?<![\w@./'’-]){given}(?![\w@/-]|\.\w)(?:[ ]+(?:[a-z]\.?[ ]+)?(?P<last>[^\W\d_]{{2,}}))?", text):
                last = lexicon.fold(match["last"] or "")
                if last in self.surnames and last not in lexicon.words("function"):
                    yield *match.span(), Kind.NAME, 0.7
                elif given in self.familiar:
                    yield match.start(), match.start() + len(given), Kind.NAME, 0.5

    # -- the same person again -----------------------------------------------------------------------------

    def _again(self, text: str, found: list[Range]) -> Iterator[Range]:
        """Every capitalised word that was part of a sure name elsewhere in the text."""
        sure: set[str] = set()
        for start, end, _, score in found:
            if score >= 0.8:
                sure.update(token.word for token in _tokens(text, start, end))
        refused = self.never | self.ordinary | _ANY_TITLE
        sure = {word for word in sure if len(word) > 2 and lexicon.fold(word) not in refused}
        if not sure:
            return
        pattern = re.compile(rf"(?<![\w-])(?:{'|'.join(map(re.escape, sorted(sure, key=len, reverse=True)))})(?![\w-])")
        for match in pattern.finditer(text):
            eponym = lexicon.fold(match.group()) in self.eponyms
            if not (eponym and _MEDICAL_NOUN.match(text, match.end())):
                yield *match.span(), Kind.NAME, 0.55


def _tokens(text: str, start: int, end: int) -> list[_Token]:
    tokens = []
    for match in _TOKEN.finditer(text, start, end):
        if match["word"] is None:
            continue
        word = _POSSESSIVE.sub("", match["word"])
        stop = match.start() + len(word) + (len(match["dot"]) if len(word) == 1 else 0)
        tokens.append(_Token(match.start(), stop, word, lexicon.fold(word), bool(match["dot"])))
    return tokens


def build() -> NameRecognizer:
    return NameRecognizer()
