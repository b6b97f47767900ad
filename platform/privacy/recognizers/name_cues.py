"""How names are written and what announces them: patterns only. `names` decides with them."""

import re

# A capitalised word; accents may be letters of their own, as some systems write them.
LETTERS = r"(?:[^\W\d_]|[\u0300-\u036f])"
CAP = rf"[^\W\d_a-zß-öø-ÿ]{LETTERS}*(?:['’\-]{LETTERS}+)*"
PARTICLE = r"(?:van|von|de|der|den|del|della|di|da|dos|du|la|le|bin|ibn|al|el|ter|ten|av|af|y)"
RUN = re.compile(
    rf"(?<![\w@/\\&-])(?<!\w['’]){CAP}\.?(?:[ \t]{{1,2}}(?:{PARTICLE}[ \t])*{CAP}\.?|(?<=\.){CAP}\.?)*"
)
TOKEN = re.compile(rf"(?P<word>{CAP})(?P<dot>\.?)|(?P<particle>{PARTICLE})\b")
POSSESSIVE = re.compile(r"['’][sS]?$")
TITLES = frozenset(
    [
        "mr",
        "mrs",
        "ms",
        "miss",
        "mx",
        "mister",
        "missus",
        "sir",
        "madam",
        "nurse",
        "sister",
        "rev",
        "reverend",
        "fr",
        "father",
    ]
)
SPEAKERS = frozenset(
    [
        "patient",
        "pt",
        "provider",
        "physician",
        "surgeon",
        "resident",
        "consultant",
        "interpreter",
        "witness",
        "to",
        "from",
        "re",
        "regarding",
    ]
)
CONTRACTION = re.compile(r"['’](?:m|ve|ll|re|d|t)$", re.IGNORECASE)
# Endings that surnames of several languages have and English words hardly ever.
SURNAME_ENDING = re.compile(
    r"(?:ov|ova|ev|eva|ski|ska|sky|czyk|wicz|ic|ova|sson|sdottir|dottir|nen|enko|escu|yan|ian|idze|shvili|oglu|opoulos|akis|inen|quist|strom|berg|stein|mann|hauser|etti|elli|ucci|ini|ez|sen)$"
)
STRONG_ENDING = re.compile(
    r"\w{3,}(?:ov|ova|eva|yev|sson|dottir|sk[iay]|wicz|czyk|shvili|idze|enko|escu|inen|opoulos)$"
)
DOCTOR = frozenset(["dr", "drs", "doctor", "prof", "professor"])
ANY_TITLE = TITLES | DOCTOR

MEDICAL_NOUN = re.compile(
    r"['’]?s?['’]?[\s\-–]+(?:[A-Za-z]+[\s-]+){0,2}?(?:disease|syndrome|signs?|tests?|score|scores|scale|criteria|criterion|classification|class|"
    r"grade|grading|stag(?:e|ing)|index|man(?:eu|oeu)ver|manoeuvre|reflex|catheter|tube|drain|stain|procedure|operation|"
    r"repair|technique|approach|fracture|lymphoma|disorder|palsy|phenomen(?:on|a)|cysts?|nodes?|esophagus|oesophagus|tumou?r|"
    r"sarcoma|contracture|thyroiditis|ataxia|chorea|position|retractor|forceps|clamp|needle|clips?|splint|boots?|cast|wires?|"
    r"pins?|plate|screws?|prosthesis|valve|stent|shunt|pouch|line|port|ring|rod|nail|dressing|law|sphincter|duct|glands?|"
    r"canal|ligament|tendon|area|triad|formula|equation|method|views?|lines|bodies|cells?|virus|trial|study|protocol|regimen|"
    r"diet|exercises?|brace|walker|block|solution|membrane|effect|levels?|calculator|questionnaire|inventory|risk|triangle|"
    r"point|space|facies|anomaly|malformation|deformity|lamp|gait|respirations?|murmur|pulse|cardiomyopathy|purpura|"
    r"encephalopathy|dementia|esotropia|scissors|bag|hook|knife|scope|collar|apparatus|frame|traction|bed|fossa|spots?|ulcers?|"
    r"nephropathy|neuropathy|anemia|sarcoidosis|arthritis|tremors?|foot|hernia|chart|plot|curve|unit|medication|meds|arteritis|neuroma|papules?|smears?|monitor|tears?|suction|fundoplication|anastomosis|reaction|agar|jelly)\b",
    re.IGNORECASE,
)
CREDENTIAL = re.compile(
    r",?[ \t]+(?:M\.?D|D\.?O|R\.?N|N\.?P|P\.?A(?:-?C)?|Ph\.?D|D\.?D\.?S|D\.?P\.?M|L\.?C\.?S\.?W|D\.?P\.?T|C\.?R\.?N\.?A|F\.?N\.?P(?:-?B?C)?|"
    r"A\.?P\.?R\.?N|PharmD|MBBS|MBChB|FAC[SCP]|FRCP|BSN|MSN|LPN|CNM|OTR|RT|PsyD)\b\.?"
)
# After these whatever is capitalised is a name, in the lists or not.
STRONG_CUE = re.compile(
    r"\b(?i:(?:patient|pt|full|first|last|middle|maiden|given|family|birth|legal|preferred|doctor|provider|physician|mother|father|spouse|guardian|contact|emergency\s+contact|caregiver|employee|member|subscriber|husband|wife|daughter|son)['’]?s?[ ]?\.?\s+name|"
    r"name|surname|alias|aka|a\.k\.a\.|named|my\s+name(?:['’]s|\s+is)|call(?:ed|s)?\s+me|goes\s+by|nicknamed|signed(?:\s+by)?|dictated\s+by|"
    r"transcribed\s+by|authored\s+by|reviewed\s+by|cosigned\s+by|electronically\s+signed\s+by|"
    r"attending(?:\s+(?:physician|surgeon|provider))?|primary\s+care(?:\s+(?:physician|provider))?|pcp|surgeon|physician|provider|next\s+of\s+kin|nok|"
    r"emergency\s+contact|guarantor|subscriber|patient|pt|re|regarding|cc|attn|attention|to|from|resident|consultant|referring(?:\s+(?:physician|provider))?|interpreter|witness|accompanied\s+by)"
    r"(?:\s*[:=]\s*|(?<=name)\?\s+|(?<=name)\s+(?:is|was)\s+|(?<=named)\s+|(?<=e is)\s+|(?<=e['’]s)\s+|(?<=me)\s+(?!is\b|was\b)|(?<=by)\s+|(?<=aka)\s+)"
)
# After these a capitalised word is a name even where it is a word as well: "her sister Hope", "Sincerely,\nApril Winter".
KIN_CUE = re.compile(
    r"(?:\b(?i:wife|husband|spouse|partner|fianc[ée]e?|son|daughter|mother|father|mom|dad|brother|sister|aunt|uncle|niece|nephew|cousin|"
    r"grand(?:mother|father|son|daughter|ma|pa)|step(?:mother|father|son|daughter)|boyfriend|girlfriend|roommate|neighbou?r|friend)(?:-in-law)?,?[ \t]+|"
    r"\b(?i:hi|hello|hey|dear|you['’]re|you\s+are|you\s+must\s+be|this\s+must\s+be|discharged|admitted|met|saw|examined|look\s+at|discharge\s+of|referral\s+of|visit\s+of|"
    r"thank\s+you\s+for\s+(?:seeing|referring))[ \t]+)(?=[^\W\d_a-z])"
)
SIGN_OFF = re.compile(
    r"(?:\b(?i:sincerely|yours(?:\s+(?:truly|sincerely|faithfully))?|regards|respectfully|cordially|best\s+wishes)[,.]?\s+|"
    r"\b(?i:thanks|thank\s+you)[,.]?[ \t]*\n+|\b(?i:many\s+thanks),\s+|(?:^|(?<=[\s.]))--?[ \t]+|\b(?i:clinician|author|signed|dictated|attending)(?:\s+by)?:[ \t]*)(?=[^\W\d_a-z])",
    re.MULTILINE,
)
LINE_END = re.compile(r"[ \t]*(?:[.,;|]|$|\n)", re.MULTILINE)
# What follows a name: "| DOB", "(52)", ", 67, man", ", aged 6", ", MRN".
IDENTITY_NEXT = re.compile(
    r"['’]?s?[ \t]*(?:[|,(;/–-][ \t]*)*(?:(?i:dob|d\.o\.b|mrn|born|date\s+of\s+birth|record\s+no|medical\s+record|aged?\s+\d|a\s+\d{1,3}[\s-]year)|\d{1,3}\)|\d{1,3},?[ \t](?:year|y/?o|man|woman|male|female|boy|girl|[MF]\b)|\d{1,3}[\s-]?y)"
)
FROM_TO = re.compile(
    rf"^[ \t]*(?i:from)[ \t]+(?P<a>{CAP})[ \t]+to[ \t]+(?P<b>{CAP})(?=,[ ](?:\d|[A-Z][a-z]+[ ]\d))",
    re.MULTILINE,
)
BIRTH_NEXT = re.compile(r",?[ \t]*\(?(?:b\.|born\b|DOB\b|D\.O\.B|MRN\b|date of birth)")
INITIALS = re.compile(r"(?<![\w.])(?P<name>(?:[A-Z]\.[ ]?){2,3})(?=,?[ ]\d{1,3}\b|[ ]?/|,[ ]aged)")
# After these a capitalised word that is no ordinary one is a name.
WEAK_CUE = re.compile(
    r"\b(?i:i\s?['’]?a?m|i\s+am|this\s+is|it['’]s|meet|dear|hi|hello|hey|thanks|thank\s+you|sincerely|regards|good\s+(?:morning|afternoon|evening)|"
    r"(?:wife|husband|spouse|partner|fianc[ée]e?|son|daughter|mother|father|mom|dad|brother|sister|aunt|uncle|niece|nephew|cousin|"
    r"grand(?:mother|father|son|daughter|ma|pa|child)|step(?:mother|father|son|daughter)|boyfriend|girlfriend|roommate|neighbor|friend|caregiver|guardian|"
    r"caretaker|boss|coworker|child|kid|baby|twins?|sibling|parent)(?:-in-law)?s?|"
    r"(?:seen|treated|evaluated|followed|referred|examined|performed|managed|operated|accompanied|recommended|prescribed|ordered|interpreted|read|delivered|cared\s+for)\s+by|"
    r"spoke\s+(?:to|with)|discussed\s+with|according\s+to|per|under|patients?\s+like|patients?|pt\.?|like|named|called|male|female|man|woman|gentleman|lady|boy|girl|surgeon|doctor|nurse|"
    r"son\s+of|daughter\s+of|wife\s+of|husband\s+of|mother\s+of|father\s+of|care\s+of|referencing|referring\s+to|regarding|attn|c/o|for)"
    r",?[ \t]+(?=[^\W\d_a-z])"
)
LOWER_CUE = re.compile(
    r"\b(?:my\s+(?:full\s+|first\s+|last\s+)?name(?:['’]s|\s+is)|maiden\s+name\s+is|people\s+call\s+me|everyone\s+calls\s+me|(?:i['’]m|i\s+am|this\s+is)(?=\s+\w+\s+(?:\w\s+)?\w+\s*$))\s+"
    r"(?P<name>[^\W\d_]{2,}(?:[ ]+[^\W\d_]+\.?){0,2})",
    re.IGNORECASE,
)
LOWER_TITLE = re.compile(
    r"(?<!\w)(?P<title>(?P<doctor>[Dd]rs?\.?|[Dd]octor|[Pp]rofessor)|[Mm]rs?\.?|[Mm]s\.?|[Mm]ister|[Mm]iss(?:us)?)[ ]+"
    r"(?P<name>[a-z][a-z'’-]{2,}(?:[ ]+[a-z][a-z'’-]{2,})?)\b"
)
NOT_A_TITLE = re.compile(
    r"\b(?:the|my|your|our|a|an|his|her|their|this|that|care|other|another|eye|each|every|any|to|will|you|i|would)[ ]+$",
    re.I,
)
COMMA_FORM = re.compile(rf"(?<![\w-])(?P<last>{CAP}),[ \t]+(?P<first>{CAP})(?P<middle>[ \t]+[A-Z]\b\.?)?")
LOWER_WORDS = re.compile(r"(?<![\w@.'’-])[a-z]{3,}\b")
SPEAKER = re.compile(r"^[\s>\"*?-]*(?P<name>[^\W\d_]{3,}(?: [^\W\d_]{2,})?)\s*:", re.MULTILINE)
