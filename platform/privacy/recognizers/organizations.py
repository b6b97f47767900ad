"""Hospitals, clinics, schools and employers: a name here narrows a person down to a place."""

import re

from privacy import lexicon
from privacy.kinds import Kind
from privacy.recognizers.geography import SCORE_NEXT, TOWN
from privacy.recognizers.name_cues import CAP
from privacy.rules import Rule, rule

_HOSPITAL = (
    r"(?:Hospitals?|Hosp\.?|Clinics?|Infirmary|Sanatorium|Hospice|Polyclinic|Surgicenter|Rehab(?:ilitation)?\ (?:Center|Hospital|Institute)|"
    r"(?:Regional\ |Memorial\ |General\ |University\ |Community\ |Children['’]s\ |Veterans\ )*(?:Medical|Med\.?|Health|Healthcare|Heart|Cancer|Cardiac|Surgery|Surgical|Dialysis|Wellness|Imaging|Nursing|Care|Trauma|Spine|Eye|Birth|Birthing|Women['’]s|Diabetes|Urgent\ Care|Treatment|Oncology|Orthopedics?|Pediatrics?)\ (?:Center|Ctr\.?|Cntr\.?|Centre|Campus|System|Group|Institute|Associates|Partners|Network|Services|Home|Facility|Plaza|Pavilion)|"
    r"Health\ ?care|Health|Memorial|General|Med\ Ctr\.?|Medical|Medicine|Med|VA|HealthCenter|Office|Pharmacy|Laborator(?:y|ies)|Nursing\ Home|Assisted\ Living|Senior\ Living|Retirement\ (?:Community|Home)|"
    r"Medical\ School|School\ of\ Medicine|University|College|Elementary|Middle\ School|High\ School|Academy)"
)
_COMPANY = r"(?:Inc|LLC|L\.L\.C|Ltd|PLC|Corp|Corporation|Company|Co|GmbH|AG|LLP|Group|Holdings|Industries|Enterprises|Associates|and\ Sons|\&\ Sons|Foundation|Partners|Technologies|Solutions|Logistics|Manufacturing|Bank|Bakery|Brewing|Brewery|Dairy|Freight|Textiles|Mills?|Nurser(?:y|ies)|Credit\ Union|Tool\ Works|Works|Paper|Foods|Farms?|Motors|Construction|Plumbing|Roofing|Trucking|Electric|Supply|Hardware|Preschool|School(?:\ District)?|Kindergarten|Daycare|Library|Warehouse|Airlines|Hotel|Restaurant|Cannery|Shipyard|Foundry|Quarry)\b\.?"
# "Brief Hospital Course" heads a section; "Hospital Day 3" counts.
_NOT_A_PHRASE = r"(?!\ (?i:course|day|stay|admission)\b)"
# Hospitals known by a name that does not say "hospital".
_KNOWN = (
    r"(?:Mayo\ Clinic|Johns?\ Hopkins|Cedars?[\s-]Sinai|Mass(?:achusetts)?\.?\ General|Mass\ Gen|MGH|BWH|BIDMC|UCSF|UCLA|UCSD|UPMC|UPenn|NYU(?:\ Langone)?|OHSU|UTSW|MSKCC|"
    r"CHOP|Kaiser(?:\ Permanente)?|MD\ Anderson|M\.D\.\ Anderson|(?:Memorial\ )?Sloan[\s-]Kettering|New\ ?York[\s-]Presbyterian|NYP|NY\ Presbyterian|Brigham(?:\ and\ Women['’]s)?|"
    r"Beth\ Israel(?:\ Deaconess)?|Stanford|Vanderbilt|Emory|Baylor(?:\ Scott(?:\ (?:\&|and)\ White)?)?|Northwestern|Intermountain|Geisinger|Ochsner|Scripps|Dana[\s-]Farber|Barnes[\s-]Jewish|"
    r"Cleveland\ Clinic|Montefiore|Lenox\ Hill|Bellevue|Tufts|Yale(?:[\s-]New\ Haven)?|Penn\ Medicine|Rush|Duke|Columbia\ Presbyterian|Walter\ Reed|Sutter|Sentara|"
    r"Banner|Providence|Mercy|Jefferson|Temple|Methodist|Presbyterian|Good\ Samaritan|Sacred\ Heart|Holy\ Cross|Lahey|Loyola|Froedtert|Atrium|Advent\ ?Health|HCA)"
)
_ALONE = frozenset(
    [
        "johns-hopkins",
        "mgh",
        "bwh",
        "bidmc",
        "ucsf",
        "ucla",
        "ucsd",
        "upmc",
        "nyu",
        "ohsu",
        "utsw",
        "mskcc",
        "chop",
        "nyp",
    ]
)  # believed with no "Hospital" after them


def _believable(match: re.Match[str]) -> bool:
    """Not a phrase that only starts a sentence: "The Hospital", "Her Clinic", "In General"."""
    words = [lexicon.fold(word) for word in re.findall(r"[^\W\d_][\w'’.-]*", match["phi"])]
    if words == ["general", "hospital"]:
        return True
    return words[0].rstrip(".") not in lexicon.words("not_institutions") and len(words) > 1


# What stands before "clinic" and the like without naming one.
_NO_NAME = (
    lexicon.words("not_institutions")
    | lexicon.words("function")
    | frozenset(
        [
            "pain",
            "sleep",
            "eye",
            "walk-in",
            "walk",
            "ear",
            "foot",
            "wound",
            "hand",
            "spine",
            "diabetes",
            "asthma",
            "allergy",
            "nearest",
            "nearby",
            "same",
            "closest",
            "regular",
            "wellness",
            "weight",
            "loss",
            "memory",
            "hearing",
            "speech",
            "va",
            "children's",
            "womens",
            "women's",
            "men's",
            "kids",
            "medicine",
            "internal",
            "sports",
            "teaching",
            "free",
            "private",
            "state",
            "county",
            "city",
            "community",
            "big",
            "little",
            "new",
            "old",
            "different",
            "another",
            "nearby",
            "own",
            "specialty",
            "specialist",
            "referral",
            "rehab",
            "rehabilitation",
            "treatment",
            "research",
            "see",
            "go",
            "come",
            "get",
            "went",
            "be",
            "do",
            "have",
            "take",
            "send",
            "follow",
            "work",
            "training",
            "nursing",
            "medical",
            "dental",
            "law",
            "business",
            "grad",
            "graduate",
            "junior",
            "middle",
            "elementary",
            "pre",
        ]
    )
)

ORGANIZATIONS: tuple[Rule, ...] = (
    # St. Mary's Hospital, Mount Sinai, Springfield Medical Center in NY
    rule(
        Kind.ORGANIZATION,
        rf"""(?<!\w) (?:St\.?|Saint|Mt\.?|Mount|Our\ Lady\ of) \ {CAP} (?:[ -]{CAP}){{0,2}}? (?:\ {_HOSPITAL})? (?![\w]) (?:\ (?:of|at)\ {TOWN})?""",
        score=0.92,
        check=lambda m: (
            not re.search(
                r"(?:['’]s\ wort|\b(?:Jude\ (?:valve|device|pacemaker)|Vitus))",
                m.string[m.start() : m.end() + 12],
            )
        ),
    ),
    rule(
        Kind.ORGANIZATION,
        rf"""(?<![\w'’-]) {CAP}\.? (?:[ -](?:{CAP}\.?|\&|of|and|of\ the)){{0,5}}? [ ] {_HOSPITAL} (?!\w) {_NOT_A_PHRASE}
             (?: \ (?:of|at)\ {TOWN} | \ for\ (?:{CAP}\ ?){{1,3}} | \ {_HOSPITAL} )?""",
        score=0.9,
        check=_believable,
    ),
    rule(
        Kind.ORGANIZATION,
        rf"(?<![\w-])(?:{CAP}\ ){{0,3}}{CAP}\ (?i:clinic|hospital|office|campus|med(?:ical)?\ (?:center|ctr))\b{_NOT_A_PHRASE}",
        score=0.88,
        check=_believable,
    ),
    rule(
        Kind.ORGANIZATION,
        rf"(?<![\w-])(?:University|Univ\.?|College|School|Hospital|Institute|Academy|Children['’]s\ Hospital|Clinic|Bank)\ (?:of|for)\ (?:the\ )?{CAP}(?:[ -](?:of\ |and\ |at\ )?{CAP}){{0,4}}",
        score=0.9,
    ),
    rule(
        Kind.ORGANIZATION,
        rf"(?<![\w-])Children['’]s(?:\ Hospital)?(?:\ (?:of\ )?{CAP}){{0,2}}(?=[\s,.;)])",
        score=0.85,
        check=lambda m: "Hospital" in m.group(),
    ),
    rule(
        Kind.ORGANIZATION,
        rf"(?<![\w-])(?:{CAP}\ ){{0,2}}{_KNOWN}(?!\w)(?:\ {_HOSPITAL})?",
        score=0.85,
        check=lambda m: (
            not SCORE_NEXT.match(m.string, m.end())
            and (
                " " in m.group()
                or "-" in m.group()
                or lexicon.fold(m.group()) in _ALONE
                or bool(
                    re.search(
                        r"\b(?:at|in|from|to|@|of)\s+(?:the\s+)?$",
                        m.string[max(0, m.start() - 12) : m.start()],
                    )
                )
            )
        ),
    ),
    # a firm named after people: "Hawkins, Richardson and Santana", "Weeks-Rivas"
    rule(
        Kind.ORGANIZATION,
        rf"(?<![\w-]){CAP},\ {CAP},?\ (?:and|\&)\ {CAP}(?![\w-])",
        score=0.82,
        check=lambda m: all(
            lexicon.fold(word) in lexicon.surnames()
            and lexicon.fold(word) not in lexicon.familiar_given_names()
            for word in re.findall(rf"{CAP}", m.group())
        ),
    ),
    # in small letters after what one does with them: "records from kettle brook imaging"
    rule(
        Kind.ORGANIZATION,
        r"\b(?:at|from|to|with|by|for|over\ at)\ (?P<phi>(?:[a-z'’]+\ ){1,4}?(?:hospital|clinic|medical\ center|imaging|orthopedics|pediatrics|oncology|psychiatry|dermatology|radiology|cardiology|daycare|software|plastics|logistics|trucking|foods|bakery|university|college|elementary|high\ school|academy|pharmacy|health\ center))\b",
        score=0.7,
        check=lambda m: all(word not in _NO_NAME for word in m["phi"].split()[:-1]),
    ),
    # employers
    rule(
        Kind.ORGANIZATION,
        rf"(?<![\w-])(?:{CAP}\ (?:(?:and|\&)\ )?){{1,4}}{_COMPANY}(?!\w)",
        score=0.85,
        check=lambda m: lexicon.fold(m.group().split()[0]) not in lexicon.words("not_institutions"),
    ),
    rule(
        Kind.ORGANIZATION,
        rf"\b(?i:work(?:s|ed|ing)?\s+(?:as\s+an?\s+(?:\w+\s+){1, 3}|\w+\s+)?(?:at|for)|slow\s+down\s+at|position\s+(?:at|with)|attends|student\s+at|employed\s+(?:at|by|with)|employer\s*(?:is|:|was)?|job\s+at|retired\s+from|laid\s+off\s+(?:from|by)|hired\s+by)\s+(?:the\s+|a\s+)?(?P<phi>{CAP}(?:(?:,?\ (?:and|\&|of)\ |[ -]|,\ ){CAP}){{0,4}})",
        score=0.8,
        check=lambda m: (
            len(m["phi"]) > 2 and lexicon.fold(m["phi"].split()[0]) not in lexicon.words("not_names")
        ),
    ),
)
