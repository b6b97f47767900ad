"""Places smaller than a state and the organizations that give them away: streets, towns, zip codes, hospitals, employers."""

import re
from collections.abc import Iterator

from privacy import lexicon
from privacy.kinds import Kind
from privacy.recognizers.names import CAP
from privacy.rules import Recognizer, Rule, rule

_STATE_CODES = "AL|AK|AZ|AR|CA|CO|CT|DE|FL|GA|HI|ID|IL|IN|IA|KS|KY|LA|ME|MD|MA|MI|MN|MS|MO|MT|NE|NV|NH|NJ|NM|NY|NC|ND|OH|OK|OR|PA|RI|SC|SD|TN|TX|UT|VT|VA|WA|WV|WI|WY|DC|PR"
_STATES = (
    "Alabama|Alaska|Arizona|Arkansas|California|Colorado|Connecticut|Delaware|Florida|Georgia|Hawaii|Idaho|Illinois|Indiana|"
    "Iowa|Kansas|Kentucky|Louisiana|Maine|Maryland|Massachusetts|Michigan|Minnesota|Mississippi|Missouri|Montana|Nebraska|"
    "Nevada|New\\ Hampshire|New\\ Jersey|New\\ Mexico|New\\ York|North\\ Carolina|North\\ Dakota|Ohio|Oklahoma|Oregon|"
    "Pennsylvania|Rhode\\ Island|South\\ Carolina|South\\ Dakota|Tennessee|Texas|Utah|Vermont|Virginia|Washington|"
    "West\\ Virginia|Wisconsin|Wyoming|D\\.C\\."
)
_STATE = rf"(?:{_STATES}|(?:{_STATE_CODES})\b)"
_STREET = (
    r"(?:Street|St|Avenue|Ave|Av|Road|Rd|Drive|Dr|Lane|Ln|Court|Ct|Circle|Cir|Boulevard|Blvd|Place|Pl|Terrace|Ter|Parkway|Pkwy|"
    r"Highway|Hwy|Way|Trail|Trl|Square|Sq|Alley|Loop|Pike|Plaza|Row|Crescent|Cres|Close|Grove|Mews|Turnpike|Expressway|Freeway|Route|Rte|"
    r"street|avenue|road|drive|lane|boulevard|court|circle|way|place|terrace)"
)
_UNIT = r"(?:,?\s*(?:Apt|Apartment|Suite|Ste|Unit|Rm|Room|Floor|Fl|Bldg|Building|Lot|PMB|\#)\.?\s*\#?\s?\w{1,6}\b)"
_ZIP = r"(?:\d{5}(?:-\d{4})?)"
_TOWN = rf"(?:(?:St|Ft|Mt|Pt)\.[ ])?{CAP}(?:[ ](?:of|the|de|la|on|upon|del)[ ]{CAP}|[ ]{CAP}){{0,3}}"
_FOREIGN_STREET = (
    r"(?:stra(?:ß|ss)e|gasse|allee|platz|ufer|damm|gade|gata|gatan|gaten|vej|veien|vegen|vägen|katu|tie|polku|kuja|straat|laan|weg|plein|gracht|"
    r"kade|dijk|singel|utca|u\.|út|tér|ulica|ul\.|cesta|trg|nábřeží|náměstí|stræti|gata|braut|vegur|plads|allé|stígur)"
)
_FOREIGN_PREFIX = (
    r"(?:Via|Viale|Piazza|Corso|Vicolo|Rue|rue|Avenue|avenue|Boulevard|boulevard|Place|place|Chemin|Impasse|Allée|Quai|Rua|Avenida|Travessa|Praça|Alameda|Calle|Carrera|"
    r"Paseo|Plaza|Camino|C/|Ctra\.|Rúa|Ronda|Bulevardul|Strada|Str\.|ul\.|Ulica|Aleja|Am|An\ der|Im|Auf\ der)"
)
_HOSPITAL = (
    r"(?:Hospitals?|Hosp\.?|Clinics?|Infirmary|Sanatorium|Hospice|Polyclinic|Surgicenter|Rehab(?:ilitation)?\ (?:Center|Hospital|Institute)|"
    r"(?:Regional\ |Memorial\ |General\ |University\ |Community\ |Children['’]s\ |Veterans\ )*(?:Medical|Med\.?|Health|Healthcare|Heart|Cancer|Cardiac|Surgery|Surgical|Dialysis|Wellness|Imaging|Nursing|Care|Trauma|Spine|Eye|Birth|Birthing|Women['’]s|Diabetes|Urgent\ Care|Treatment|Oncology|Orthopedics?|Pediatrics?)\ (?:Center|Ctr\.?|Cntr\.?|Centre|Campus|System|Group|Institute|Associates|Partners|Network|Services|Home|Facility|Plaza|Pavilion)|"
    r"Health\ ?care|Health|Memorial|General|Med\ Ctr\.?|Medical|Medicine|Med|VA|HealthCenter|Office|Pharmacy|Laborator(?:y|ies)|Nursing\ Home|Assisted\ Living|Senior\ Living|Retirement\ (?:Community|Home)|"
    r"Medical\ School|School\ of\ Medicine|University|College|Elementary|Middle\ School|High\ School|Academy)"
)
_COMPANY = r"(?:Inc|LLC|L\.L\.C|Ltd|PLC|Corp|Corporation|Company|Co|GmbH|AG|LLP|Group|Holdings|Industries|Enterprises|Associates|and\ Sons|\&\ Sons|Foundation|Partners|Technologies|Solutions|Logistics|Manufacturing|Bank)\b\.?"
# Hospitals known by a name that does not say "hospital".
_KNOWN = (
    r"(?:Mayo\ Clinic|Johns?\ Hopkins|Cedars?[\s-]Sinai|Mass(?:achusetts)?\.?\ General|Mass\ Gen|MGH|BWH|BIDMC|UCSF|UCLA|UCSD|UPMC|UPenn|NYU(?:\ Langone)?|OHSU|UTSW|MSKCC|"
    r"CHOP|Kaiser(?:\ Permanente)?|MD\ Anderson|M\.D\.\ Anderson|(?:Memorial\ )?Sloan[\s-]Kettering|New\ ?York[\s-]Presbyterian|NYP|NY\ Presbyterian|Brigham(?:\ and\ Women['’]s)?|"
    r"Beth\ Israel(?:\ Deaconess)?|Stanford|Vanderbilt|Emory|Baylor(?:\ Scott(?:\ (?:\&|and)\ White)?)?|Northwestern|Intermountain|Geisinger|Ochsner|Scripps|Dana[\s-]Farber|Barnes[\s-]Jewish|"
    r"Cleveland\ Clinic|Montefiore|Lenox\ Hill|Bellevue|Tufts|Yale(?:[\s-]New\ Haven)?|Penn\ Medicine|Rush|Duke|Columbia\ Presbyterian|Walter\ Reed|Sutter|Sentara|"
    r"Banner|Providence|Mercy|Jefferson|Temple|Methodist|Presbyterian|Good\ Samaritan|Sacred\ Heart|Holy\ Cross|Lahey|Loyola|Froedtert|Atrium|Advent\ ?Health|HCA)"
)
_ALONE = frozenset(
    "johns-hopkins mgh bwh bidmc ucsf ucla ucsd upmc nyu ohsu utsw mskcc chop nyp".split()
)  # believed with no "Hospital" after them
_SCORE_NEXT = re.compile(
    r"['’]?s?\s+(?:\w+\s+){0,2}?(?:scores?|scale|criteria|classification|class|index|study|trial|system|sign|test|staging|stage|protocol|treadmill|"
    r"consensus|coma|cognitive|disease|syndrome|guidelines?|risk|virus|fever|rules?|metro|catheter|method|calculator)\b",
    re.IGNORECASE,
)
_LIVES = (
    r"\b(?i:liv(?:es|ed|ing)\s+(?:near|in|at|on|with\s+\w+\s+\w+\s+in|alone\s+in)|resid(?:es|ed|ing)\s+(?:in|at|near)|resident\s+of|raised\s+in|born\s+in|grew\s+up\s+in|moved\s+(?:here\s+)?(?:to|from)|"
    r"relocated\s+(?:to|from)|originally\s+from|home\s*town\s*(?:is|:|of)?|native\s+of|home\s+in|house\s+in|hails\s+from|comes?\s+from|came\s+from|driv(?:es|ing|ove)\s+(?:in\s+)?from|"
    r"travel(?:s|ed|led|ing|ling)?\s+(?:to|from)|trip\s+to|visit(?:ed|ing)\s+\w*\s*(?:in|from)|vacation(?:ed|ing)?\s+in|city|town|county|location|place\s+of\s+birth|birthplace|city/state|where(?=:))"
    r"(?:\s*:\s*|\s+)(?:the\s+(?:town|city|village)\s+of\s+)?"
)

_COUNTRY = "|".join(sorted((re.escape(name.strip()) for name in lexicon.lines("countries")), key=len, reverse=True))
_AREA = rf"{CAP}[^\W\d_.'’()]*(?:[ '’/-](?:{CAP}|de|la|del|di|do|da|dos|nad|am|an|der|les|el|\([^)\n]{{2,20}}\))){{0,4}}"
_TAIL = (
    rf"(?:[,\s]+(?i:apt|suite)\.?\ \w{{1,5}})?"
    rf"(?:(?:,\ |\ ?,?\n[>?\ ]*){_AREA}(?!\w*:)|\ (?:[A-ZÀ-Þ]{{3,}}[\w'’-]*\ ?){{1,3}}(?!\w*:))?"
    rf"(?:\s*,?\s*\n?[>?\ ]*,?\ (?:[A-Z]{{2}}|\d{{2}}|nan)\b)?"
    rf"(?:[,\s]+[>?\ ]*(?:{_COUNTRY})(?!\w))?"
    rf"(?:[,\s]+[>?\ ]*\d{{4,6}}(?:-\d{{3,4}})?(?![\w]))?"
)

STREETS: tuple[Rule, ...] = (
    rule(
        Kind.LOCATION,
        rf"""(?<![\w/.-]) \d{{1,6}}[A-Za-z]?(?:-\d+)? ,? [ ]+ (?:[NSEW]\.?[EW]?\.?\ |(?:North|South|East|West)\ )?
             (?:(?:{CAP}|\d+(?:st|nd|rd|th))\.?\ ){{1,4}}? {_STREET}\b\.? (?:\s(?:[NSEW]{{1,2}}|North|South|East|West)\b)?
             {_UNIT}? (?:[,\s]+{_TOWN})?? (?:,?\s+{_STATE})? (?:,?\s+{_ZIP}\b)?""",
        score=0.93,
    ),
    rule(Kind.LOCATION, rf"(?<![\w-])(?:{CAP}\ ){{1,3}}(?:Street|Avenue|Boulevard|Blvd|Road|Drive|Lane|Parkway|Terrace|Highway)\b(?!\ drugs?)", score=0.8),
    rule(Kind.LOCATION, rf"(?<![\w/.-])\d{{1,5}}\ (?:Highway|Hwy|Route|Rte|State\ Road|County\ Road|SR|CR)\ \d{{1,4}}\b{_UNIT}?", score=0.93),
    rule(Kind.LOCATION, rf"\b(?i:p\.?\s?o\.?\s*box|post\s+office\s+box|psc)\s+\#?\d+(?:,?\s+(?i:box)\s+\d+)?(?:[,\s]+{_TOWN},?\s+{_STATE})?(?:,?\s+{_ZIP}\b)?", score=0.95),
    rule(Kind.LOCATION, r"\b(?:APO|FPO|DPO)\s+(?:AA|AE|AP)\s+\d{5}\b", score=0.95),
    rule(Kind.LOCATION, rf"\b(?:\d{{1,6}}\ )?(?:{CAP}[ -]){{0,3}}[^\W\d_]*{_FOREIGN_STREET}\ \d{{1,5}}\ ?[a-zA-Z]?\b", score=0.85),
    rule(Kind.LOCATION, rf"(?<!\w)(?:\d{{1,6}},?\ )?{_FOREIGN_PREFIX}\ (?:(?:{CAP}|de|la|du|des|l['’]\w+|del|delle|della|dei|do|da|dos|das|d['’]\w+)\ ?){{1,5}},?\ ?\d{{1,5}}\b", score=0.85),
    rule(Kind.LOCATION, rf"(?<!\w)\d{{1,5}},?\ (?:rue|avenue|boulevard|place|chemin|impasse|allée|quai)\ [\w'’\- ]{{3,40}}?(?=[,.;?!\n]|$)", score=0.85),
    rule(Kind.LOCATION, rf"\b(?:corner|intersection)\s+of\s+(?P<phi>[^.,;\n]{{3,40}}?\s+and\s+{CAP}(?:\ {CAP}){{0,3}})", score=0.85),
    rule(Kind.LOCATION, rf"\b(?:Apt|Apartment|Suite|Ste|Unit|Room|Rm|Bed)\b\.?\ \#?(?P<phi>\d{{1,5}}[A-Za-z]?)\b", score=0.7),
    # a number, a street in any language, a flat; then the lines down to country and code
    rule(Kind.LOCATION, rf"(?<![\w./-])\d{{1,6}}[,]?\ [^\n?!;:]{{0,60}}?[,\s]*\n?[>?\s]*(?i:apt|apartment|suite|unit)\b\.?\ \w{{1,5}}\b{_TAIL}", score=0.88),
    rule(Kind.LOCATION, rf"(?<![\w./-])\d{{2,6}}\ (?:{CAP}\.?\ ){{1,4}}\d{{1,4}}[a-z]?\b{_TAIL}(?!\s?(?:mg|mcg|ml|units|cm|mm|%|day|week|month|year|hour|minute))", score=0.7),
    rule(Kind.LOCATION, rf"(?<![\w./-])\d{{1,6}}\ [^\n?!;:,]{{3,45}}(?:,\ |\n[>?\ ]*)(?:[^\n?!;:,]{{2,30}}(?:,\ |\n[>?\ ]*)){{0,2}}(?:(?:{_COUNTRY})(?:\ \d{{4,6}})?|[A-Z]{{2}}\ \d{{5}})(?!\w)", score=0.8),
    rule(Kind.LOCATION, rf"^[>?\ ]*(?:(?:{_COUNTRY})\ )?(?P<phi>\d{{4,5}})[ ]*$", score=0.6, flags=re.MULTILINE,
         check=lambda m: bool(re.search(r"(?i:apt|suite|street|\bst\b|road|address|box)", m.string[max(0, m.start() - 90) : m.start()]))),
    rule(Kind.LOCATION, r"\b(?i:unit)\ \d{4}\ (?i:box)\ \d{4}\s+(?i:[dfa]po)\ (?i:aa|ae|ap)\ \d{5}\b", score=0.95),
    # zip codes: with a state before them, or said to be one
    rule(Kind.LOCATION, rf"\b{_STATE},?\s+(?P<phi>{_ZIP})\b", score=0.93),
    rule(Kind.LOCATION, r"\b(?i:zip(?:\s*code)?s?|postal\s+code|post\s*code)(?:\s*(?:is|of|area|was)\b|[\s:#=(])*(?P<phi>[A-Z]{0,2}-?\d{3,5}(?:[ -]?[A-Z0-9]{2,4})?)\b", score=0.95),
    rule(Kind.LOCATION, r"\b(?:[A-CEGHJ-NPR-TVXY]\d[A-CEGHJ-NPR-TV-Z]\ \d[A-CEGHJ-NPR-TV-Z]\d|(?:[A-Z]{1,2}\d[A-Z\d]?\ \d[ABD-HJLNP-UW-Z]{2}))\b", score=0.8),
    # said to be an address: whatever stands on the line
    rule(Kind.LOCATION, r"\b(?i:(?:home|mailing|street|new|billing|current|his|her|my|your|office)\s+address(?:\s+is|\s+to|:)|address\s*(?:is|:|of\s+[^\n]{1,40}\s+is)|taxi\s+to|statement\s+sent\s+to|offices?\s+(?:are|is)\s+(?:located\s+)?at|located\s+at|lives\s+at|residing\s+at|live\s+at)\s*(?P<phi>[^\n?;:]{0,30}\d[^\n?;:]{0,60}?)(?=[?;\n]|\.\s|\.?$|\s(?:and|after|with|who|on|for)\b)", score=0.85, flags=re.MULTILINE),
    rule(Kind.LOCATION, r"\b(?i:meet\s+you\s+at|parcel\s+to|deliver(?:ed)?\s+to)\s+(?P<phi>\d+\s[^\n?;]{3,60}?)(?=[?;\n]|\.\s|\.?$|\s(?:and|after|with|who|on|for)\b)", score=0.8, flags=re.MULTILINE),
)


def _believable(match: re.Match[str]) -> bool:
    """Not a phrase that only starts a sentence: "The Hospital", "Her Clinic", "In General"."""
    words = [lexicon.fold(word) for word in re.findall(r"[^\W\d_][\w'’.-]*", match["phi"])]
    if words == ["general", "hospital"]:
        return True
    return words[0].rstrip(".") not in lexicon.words("not_institutions") and len(words) > 1


ORGANIZATIONS: tuple[Rule, ...] = (
    # St. Mary's Hospital, Mount Sinai, Springfield Medical Center in NY
    rule(
        Kind.ORGANIZATION,
        rf"""(?<!\w) (?:St\.?|Saint|Mt\.?|Mount|Our\ Lady\ of) \ {CAP} (?:[ -]{CAP}){{0,2}}? (?:\ {_HOSPITAL})? (?![\w]) (?:\ (?:of|at)\ {_TOWN})?""",
        score=0.92,
        check=lambda m: not re.search(r"(?:['’]s\ wort|\b(?:Jude\ (?:valve|device|pacemaker)|Vitus))", m.string[m.start() : m.end() + 12]),
    ),
    rule(
        Kind.ORGANIZATION,
        rf"""(?<![\w'’-]) {CAP}\.? (?:[ -](?:{CAP}\.?|\&|of|and|of\ the)){{0,5}}? [ ] {_HOSPITAL} (?!\w)
             (?: \ (?:of|at)\ {_TOWN} | \ for\ (?:{CAP}\ ?){{1,3}} | \ {_HOSPITAL} )?""",
        score=0.9,
        check=_believable,
    ),
    rule(Kind.ORGANIZATION, rf"(?<![\w-])(?:{CAP}\ ){{0,3}}{CAP}\ (?i:clinic|hospital|office|campus|med(?:ical)?\ (?:center|ctr))\b", score=0.88, check=_believable),
    rule(Kind.ORGANIZATION, rf"(?<![\w-])(?:University|Univ\.?|College|School|Hospital|Institute|Academy|Children['’]s\ Hospital|Clinic|Bank)\ (?:of|for)\ (?:the\ )?{CAP}(?:[ -](?:of\ |and\ |at\ )?{CAP}){{0,4}}", score=0.9),
    rule(Kind.ORGANIZATION, rf"(?<![\w-])Children['’]s(?:\ Hospital)?(?:\ (?:of\ )?{CAP}){{0,2}}(?=[\s,.;)])", score=0.85, check=lambda m: "Hospital" in m.group()),
    rule(Kind.ORGANIZATION, rf"(?<![\w-])(?:{CAP}[ -]){{0,2}}{_KNOWN}(?!\w)(?:\ {_HOSPITAL})?", score=0.85,
         check=lambda m: not _SCORE_NEXT.match(m.string, m.end()) and (
             " " in m.group() or "-" in m.group() or lexicon.fold(m.group()) in _ALONE
             or bool(re.search(r"\b(?:at|in|from|to|@|of)\s+(?:the\s+)?$", m.string[max(0, m.start() - 12) : m.start()])))),
    # a firm named after people: "Hawkins, Richardson and Santana", "Weeks-Rivas"
    rule(Kind.ORGANIZATION, rf"(?<![\w-]){CAP},\ {CAP},?\ (?:and|\&)\ {CAP}(?![\w-])", score=0.82,
         check=lambda m: all(lexicon.fold(word) in lexicon.surnames() and lexicon.fold(word) not in lexicon.familiar_given_names() for word in re.findall(rf"{CAP}", m.group()))),
    # employers
    rule(Kind.ORGANIZATION, rf"(?<![\w-])(?:{CAP},?\ (?:(?:and|\&)\ )?){{1,4}}{_COMPANY}", score=0.85, check=lambda m: lexicon.fold(m.group().split()[0]) not in lexicon.words("not_institutions")),
    rule(Kind.ORGANIZATION, rf"\b(?i:work(?:s|ed|ing)?\s+(?:\w+\s+)?(?:at|for)|employed\s+(?:at|by|with)|employer\s*(?:is|:|was)?|job\s+at|retired\s+from|laid\s+off\s+(?:from|by)|hired\s+by)\s+(?:the\s+|a\s+)?(?P<phi>{CAP}(?:(?:,?\ (?:and|\&|of)\ |[ -]|,\ ){CAP}){{0,4}})", score=0.8,
         check=lambda m: len(m["phi"]) > 2 and lexicon.fold(m["phi"].split()[0]) not in lexicon.words("not_names")),
)
_IN_STATE = re.compile(rf",?\ (?:in\ |of\ )?(?P<town>{_TOWN})(?:,?\ {_STATE})?|,?\ (?:in\ |of\ )?{_STATE}", re.VERBOSE)
_STATE_ONLY = re.compile(rf",?[ ](?:in[ ])?{_STATE}(?!\w)", re.VERBOSE)
_TOWN_STATE = re.compile(rf"(?<![\w-])(?P<town>{_TOWN}),[ ]+{_STATE}(?!\w)(?:[ ,]+{_ZIP})?", re.VERBOSE)
_CITY_RUN = re.compile(rf"(?<![\w-])(?:the[ ](?=Bronx))?{CAP}\.?(?:[ -]{CAP}\.?)*")
_CUED_TOWN = re.compile(rf"{_LIVES}(?P<town>{_TOWN})")
_NEAR = re.compile(rf"\b(?:in|from|to|at|near|of|outside|around)[ ]+(?P<town>{_TOWN})")
_COUNTY = re.compile(rf"(?<![\w-])(?:{CAP}[ ]){{1,2}}(?:County|Parish|Township|Village|Borough|Heights|Beach|Falls|Springs|Hills|Valley|Creek|Lake|Island|Harbor)\b")
_SUFFIX = re.compile(r"(?:ville|ton|town|burg|burgh|bury|borough|ford|field|wood|dale|port|mouth|shire|haven|ham|wick|stead|land|bridge|minster|view|side|crest|brook|vale|gate)$")


class PlaceRecognizer(Recognizer):
    def __init__(self) -> None:
        super().__init__("places", [Kind.LOCATION, Kind.ORGANIZATION])
        self.refused = lexicon.words("not_names") | lexicon.words("countries")
        self.weak = self.refused | lexicon.words("ordinary") | lexicon.words("eponyms")

    def ranges(self, text: str) -> list[tuple[int, int, Kind, float]]:
        return [*self._organizations(text), *self._streets(text), *self._towns(text)]

    def _streets(self, text: str) -> Iterator[tuple[int, int, Kind, float]]:
        for each in STREETS:
            for start, end in each.matches(text):
                yield start, end, each.kind, each.score

    def _organizations(self, text: str) -> Iterator[tuple[int, int, Kind, float]]:
        """Organizations, with the town and state that follow: "Mayo Clinic in Rochester, MN"."""
        for each in ORGANIZATIONS:
            for start, end in each.matches(text):
                yield start, self._with_town(text, end), each.kind, each.score

    def _with_town(self, text: str, end: int) -> int:
        if state := _STATE_ONLY.match(text, end):
            return state.end()
        tail = _IN_STATE.match(text, end)
        if tail and tail["town"] and (known := self._known(tail["town"], lexicon.towns() | lexicon.cities())):
            end = tail.start("town") + known
            state = _STATE_ONLY.match(text, end)
            return state.end() if state else end
        return end

    def _towns(self, text: str) -> Iterator[tuple[int, int, Kind, float]]:
        for match in _TOWN_STATE.finditer(text):
            start = match.start() + _lead(match["town"], self.refused)
            if start < match.end("town"):
                yield start, match.end(), Kind.LOCATION, 0.9
        for match in _CUED_TOWN.finditer(text):
            start, end = match.span("town")
            town = match["town"]
            if re.fullmatch(_STATE_CODES, town) or len(town) < 3:
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
                if lexicon.fold(piece) in lexicon.cities() and not _SCORE_NEXT.match(text, left + len(piece)):
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
        if lexicon.fold(match.group()) not in refused or match.group() in {"New", "North", "South", "East", "West"}:
            return match.start()
    return len(town)


def build() -> PlaceRecognizer:
    return PlaceRecognizer()
