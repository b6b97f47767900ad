"""Streets, boxes, flats and zip codes; addresses over several lines, in the ways of several countries."""

import re

from privacy import lexicon
from privacy.kinds import Kind
from privacy.recognizers.dates import MONTH
from privacy.recognizers.geography import STATE, TOWN, ZIP
from privacy.recognizers.name_cues import CAP
from privacy.rules import Rule, rule

_STREET = (
    r"(?:Street|St|Avenue|Ave|Av|Road|Rd|Drive|Dr|Lane|Ln|Court|Ct|Circle|Cir|Boulevard|Blvd|Place|Pl|Terrace|Ter|Parkway|Pkwy|"
    r"Highway|Hwy|Way|Trail|Trl|Square|Sq|Alley|Loop|Pike|Plaza|Row|Crescent|Cres|Close|Grove|Mews|Turnpike|Expressway|Freeway|Route|Rte|"
    r"street|avenue|road|drive|lane|boulevard|court|circle|way|place|terrace)"
)
_UNIT = r"(?:,?\s*(?:Apt|Apartment|Suite|Ste|Unit|Rm|Room|Floor|Fl|Bldg|Building|Lot|PMB|\#)\.?\s*\#?\s?\w{1,6}\b)"
_FOREIGN_STREET = (
    r"(?:stra(?:ß|ss)e|gasse|allee|platz|ufer|damm|gade|gata|gatan|gaten|vej|veien|vegen|vägen|katu|tie|polku|kuja|straat|laan|weg|plein|gracht|"
    r"kade|dijk|singel|utca|u\.|út|tér|ulica|ul\.|cesta|trg|nábřeží|náměstí|stræti|gata|braut|vegur|plads|allé|stígur)"
)
_FOREIGN_PREFIX = (
    r"(?:Via|Viale|Piazza|Corso|Vicolo|Rue|rue|Avenue|avenue|Boulevard|boulevard|Place|place|Chemin|Impasse|Allée|Quai|Rua|Avenida|Travessa|Praça|Alameda|Calle|Carrera|"
    r"Paseo|Plaza|Camino|C/|Ctra\.|Rúa|Ronda|Bulevardul|Strada|Str\.|ul\.|Ulica|Aleja|Am|An\ der|Im|Auf\ der)"
)
_COUNTRY = "|".join(
    sorted((re.escape(name.strip()) for name in lexicon.lines("countries")), key=len, reverse=True)
)
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
             {_UNIT}? (?:[,\s]+{TOWN})?? (?:,?\s+{STATE})? (?:,?\s+{ZIP}\b)?""",
        score=0.93,
    ),
    rule(
        Kind.LOCATION,
        rf"(?<![\w-])(?:{CAP}\ ){{1,3}}(?:Street|Avenue|Boulevard|Blvd|Road|Drive|Lane|Parkway|Terrace|Highway)\b(?!\ drugs?)",
        score=0.8,
    ),
    rule(
        Kind.LOCATION,
        rf"(?<![\w/.-])\d{{1,5}}\ (?:Highway|Hwy|Route|Rte|State\ Road|County\ Road|SR|CR)\ \d{{1,4}}\b{_UNIT}?",
        score=0.93,
    ),
    rule(
        Kind.LOCATION,
        rf"\b(?i:p\.?\s?o\.?\s*box|post\s+office\s+box|psc)\s+\#?\d+(?:,?\s+(?i:box)\s+\d+)?(?:[,\s]+{TOWN},?\s+{STATE})?(?:,?\s+{ZIP}\b)?",
        score=0.95,
    ),
    rule(Kind.LOCATION, r"\b(?:APO|FPO|DPO)\s+(?:AA|AE|AP)\s+\d{5}\b", score=0.95),
    rule(
        Kind.LOCATION,
        rf"\b(?:\d{{1,6}}\ )?(?:{CAP}[ -]){{0,3}}[^\W\d_]*{_FOREIGN_STREET}\ \d{{1,5}}\ ?[a-zA-Z]?\b",
        score=0.85,
    ),
    rule(
        Kind.LOCATION,
        rf"(?<!\w)(?:\d{{1,6}},?\ )?{_FOREIGN_PREFIX}\ (?:(?:{CAP}|de|la|du|des|l['’]\w+|del|delle|della|dei|do|da|dos|das|d['’]\w+)\ ?){{1,5}},?\ ?\d{{1,5}}\b",
        score=0.85,
    ),
    rule(
        Kind.LOCATION,
        r"(?<!\w)\d{1,5},?\ (?:rue|avenue|boulevard|place|chemin|impasse|allée|quai)\ [\w'’\- ]{3,40}?(?=[,.;?!\n]|$)",
        score=0.85,
    ),
    rule(
        Kind.LOCATION,
        rf"\b(?P<phi>(?:the\s+)?(?:corner|intersection)\s+of\s+[^,;\n]{{3,50}}?\s+and\s+{CAP}(?:\ (?:{CAP}|\d{{1,4}}\b)){{0,3}})",
        score=0.85,
    ),
    rule(
        Kind.LOCATION,
        r"\b(?:Apt|Apartment|Suite|Ste|Unit|Room|Rm|Bed)\b\.?\ \#?(?P<phi>\d{1,5}[A-Za-z]?)\b",
        score=0.7,
    ),
    # a number, a street in any language, a flat; then the lines down to country and code
    rule(
        Kind.LOCATION,
        rf"(?<![\w./-])\d{{1,6}}[,]?\ [^\n?!;:]{{0,60}}?[,\s]*\n?[>?\s]*(?i:apt|apartment|suite|unit)\b\.?\ \#?(?=\w*\d|[A-Z]\b)\w{{1,5}}\b{_TAIL}",
        score=0.88,
    ),
    rule(
        Kind.LOCATION,
        rf"(?<![\w./-])\d{{2,6}}\ (?:{CAP}\.?\ ){{1,4}}\d{{1,4}}[a-z]?\b{_TAIL}(?!\s?(?:mg|mcg|ml|units|cm|mm|%|day|week|month|year|hour|minute))",
        score=0.7,
        check=lambda m: not re.search(rf"\b{MONTH}\b", m["phi"].split("\n")[0]),
    ),
    rule(
        Kind.LOCATION,
        rf"(?<![\w./-])\d{{1,6}}\ [^\n?!;:,]{{3,45}}(?:,\ |\n[>?\ ]*)(?:[^\n?!;:,]{{2,30}}(?:,\ |\n[>?\ ]*)){{0,2}}(?:(?:{_COUNTRY})(?:\ \d{{4,6}})?|[A-Z]{{2}}\ \d{{5}})(?!\w)",
        score=0.8,
    ),
    rule(
        Kind.LOCATION,
        rf"^[>?\ ]*(?:(?:{_COUNTRY})\ )?(?P<phi>\d{{4,5}})[ ]*$",
        score=0.6,
        flags=re.MULTILINE,
        check=lambda m: bool(
            re.search(
                r"(?i:apt|suite|street|\bst\b|road|address|box)", m.string[max(0, m.start() - 90) : m.start()]
            )
        ),
    ),
    rule(
        Kind.LOCATION,
        r"\b(?i:unit)\ \d{4}\ (?i:box)\ \d{4}\s+(?i:[dfa]po)\ (?i:aa|ae|ap)\ \d{5}\b",
        score=0.95,
    ),
    # zip codes: with a state before them, or said to be one
    rule(Kind.LOCATION, rf"\b{STATE},?\s+(?P<phi>{ZIP})\b", score=0.93),
    rule(
        Kind.LOCATION,
        r"\b(?i:zip(?:\s*code)?s?|postal\s+code|post\s*code)(?:\s*(?:is|of|area|was)\b|[\s:#=(])*(?P<phi>[A-Z]{0,2}-?\d{3,5}(?:[ -]?[A-Z0-9]{2,4})?)\b",
        score=0.95,
    ),
    rule(
        Kind.LOCATION,
        r"\b(?:[A-CEGHJ-NPR-TVXY]\d[A-CEGHJ-NPR-TV-Z]\ \d[A-CEGHJ-NPR-TV-Z]\d|(?:[A-Z]{1,2}\d[A-Z\d]?\ \d[ABD-HJLNP-UW-Z]{2}))\b",
        score=0.8,
    ),
    # an answer in the next turn: "And the zip code?\nPatient: 53194."
    rule(
        Kind.LOCATION,
        r"\b(?i:zip|postal|post)\s?(?i:code)?\b[^?\n]{0,20}\?\s*\n?\s*(?:\[?\w+\]?:?\s+)?(?:\w+[\s,.]+){0,3}?(?P<phi>\d{5}(?:-\d{4})?)(?!\w)",
        score=0.9,
    ),
    # in small letters a number and a street's word will do: "it's 6756 dogwood lane"
    rule(
        Kind.LOCATION,
        r"(?<![\w./,-])\d{2,6}\ (?:[nsew]\.?\ |north\ |south\ |east\ |west\ )?(?:[a-z'’]+\ ){1,3}?(?:street|st|avenue|ave|road|rd|drive|dr|lane|ln|boulevard|blvd|court|ct|circle|place|terrace|parkway|highway|trail)\b\.?(?:\s?,?\ (?:apt|unit|suite|apartment)\.?\ \w{1,5}\b)?",
        score=0.8,
        check=lambda m: (
            not re.search(
                r"\b(?:mg|ml|mcg|units?|minutes?|hours?|days?|weeks?|months?|years?|miles?|percent|times|on|of|in|to|the)\b",
                m["phi"],
            )
        ),
    ),
    # said to be an address: whatever stands on the line
    rule(
        Kind.LOCATION,
        r"\b(?i:(?:home|mailing|street|new|billing|current|his|her|my|your|office)\s+address(?:\s+is|\s+to|:)|address\s*(?:is|:|of\s+[^\n]{1,40}\s+is)|taxi\s+to|statement\s+sent\s+to|offices?\s+(?:are|is)\s+(?:located\s+)?at|located\s+at|lives\s+at|residing\s+at|live\s+at)\s*(?P<phi>[^\n?;:]{0,30}\d[^\n?;:]{0,60}?)(?=[?;\n]|\.\s|\.?$|\s(?:and|after|with|who|on|for)\b)",
        score=0.85,
        flags=re.MULTILINE,
    ),
    rule(
        Kind.LOCATION,
        r"\b(?i:meet\s+you\s+at|parcel\s+to|deliver(?:ed)?\s+to)\s+(?P<phi>\d+\s[^\n?;]{3,60}?)(?=[?;\n]|\.\s|\.?$|\s(?:and|after|with|who|on|for)\b)",
        score=0.8,
        flags=re.MULTILINE,
    ),
)
