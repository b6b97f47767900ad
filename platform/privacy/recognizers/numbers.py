"""Numbers that stand for a person, a thing of theirs or a record: by the words before them, their shape, a check digit."""

import re

from privacy.kinds import Kind
from privacy.recognizers import checksums
from privacy.rules import Check, Rule, RuleRecognizer, rule

# What stands between the word that announces a number and the number itself.
_BETWEEN = r"(?:\s*(?:is|was|are|as|of|no|num|nbr|number|id|code|ending\s+in|ends\s+in|on\s+file|recorded\s+as|listed\s+as)\b\.?|[\s:#=.\-–(*\"'])*"
# A code: letters and digits, at least one digit, inner dashes, dots, slashes or single spaces between digit groups.
_CODE = r"(?=[A-Za-z\-]{0,12}[\-./]?\d)[A-Za-z0-9]+(?:[\-./_][A-Za-z0-9]+)*(?:\s\d{2,}[A-Za-z0-9\-]*)*"
_END = r"(?![\w])"
_SAID = r"(?:zero|oh|o|one|two|three|four|five|six|seven|eight|nine|double|triple)"
_UNITS = r"(?!\s?(?:mg|mcg|ug|µg|g|kg|ml|dl|l|cc|units?|iu|u|mm|cm|cells?|copies|platelets|%|percent|bpm|mmhg|x10|hours?|minutes|days|years?|weeks|months|calories|kcal|/)\b)"


def _cued(kind: Kind, cue: str, *, least: int = 4, score: float = 0.95) -> Rule:
    """A code of at least ``least`` letters and digits after the words ``cue``."""

    def long_enough(match: re.Match[str]) -> bool:
        value = match["phi"]
        if re.fullmatch(r"\d+(?:-[a-z]+)+", value):
            return False  # "24-hour", "40-year-old"
        return sum(map(str.isalnum, value)) >= least and sum(map(str.isdigit, value)) >= 2

    pattern = rf"(?<![A-Za-z])(?:{cue})(?:(?<=[#.])|(?![A-Za-z])){_BETWEEN}(?P<phi>{_CODE}){_END}{_UNITS}"
    return rule(kind, pattern, score=score, flags=re.IGNORECASE, check=long_enough)


def _checked(kind: Kind, pattern: str, valid: Check, score: float) -> Rule:
    return rule(kind, pattern, score=score, check=valid)


def _card(match: re.Match[str]) -> bool:
    return checksums.luhn(match["phi"])


def _long_number(match: re.Match[str]) -> bool:
    groups = re.findall(r"\d+", match["phi"])
    years = all(re.fullmatch(r"(?:19|20)\d\d", group) for group in groups)
    return sum(map(len, groups)) >= 7 and not years


RULES: tuple[Rule, ...] = (
    # (G) social security
    rule(Kind.SSN, r"(?<![\w-])\d{3}-\d{2}-\d{4}(?![\w-])", score=0.9),
    rule(
        Kind.SSN,
        r"\b(?:ssn?|social\s+security|soc\.?\s*sec\.?)(?:\s*(?:number|no|num|is|was|ending|in|last|four)\b\.?|[\s:#=(-])*(?P<phi>(?:[\dxX*]{3}[\s-]?[\dxX*]{2}[\s-]?)?\d{4})\b",
        score=0.98,
        flags=re.IGNORECASE,
    ),
    # (H) medical record
    _cued(
        Kind.MRN,
        r"mrn|m\.r\.n\.?|mr\s?\#|mr\s(?:no|number)|med(?:ical)?\.?\s+rec(?:ord)?s?\.?|record\s+(?:no|num|number|id|\#)|chart|hospital\s+(?:no|num|number|id)|unit\s+(?:no|number)|emr|ehr|epic\s+id|patient\s+(?:id|no|num|number|identifier|\#)|pt\.?\s+(?:id|no|\#)|pid|empi|uhid|nhs|chi\s+(?:no|number)",
        least=3,
        score=0.97,
    ),
    # (I) health plan
    _cued(
        Kind.PLAN,
        r"(?:health\s+)?(?:insurance|insur|ins)\.?(?:\s+(?:policy|member|plan|card|coverage))?|policy|polic\.?|plan(?:\s+beneficiary)?\s+(?:id|no|num|number|\#)|health\s+plan(?:\s+\w+)?|member(?:ship)?|subscriber|beneficiary|group\s+(?:id|no|number|\#)|medicare|medicaid|mbi|hicn|rxbin|rx\s?(?:bin|grp|pcn)|payer|hpbn|hpid|hp\s+(?:id|no)|bcbs|aetna|cigna|humana|unitedhealthcare|uhc|tricare|blue\s+cross(?:\s+blue\s+shield)?",
        least=4,
        score=0.96,
    ),
    rule(
        Kind.PLAN,
        r"(?<![\w-])[1-9][AC-HJKMNP-RT-Y][AC-HJKMNP-RT-Y0-9]\d-?[AC-HJKMNP-RT-Y][AC-HJKMNP-RT-Y0-9]\d-?[AC-HJKMNP-RT-Y]{2}\d{2}(?![\w-])",
        score=0.9,
    ),
    rule(
        Kind.PLAN,
        rf"\b(?:insurance|medicare|medicaid|member|plan)\s+(?:card|number|id)\b[^.;\n\d]{{0,20}}?(?:says|shows|reads|is|has|as)?[\s:#]+(?P<phi>{_CODE}){_END}",
        score=0.9,
        flags=re.IGNORECASE,
        check=lambda m: sum(map(str.isdigit, m["phi"])) >= 3 and sum(map(str.isalnum, m["phi"])) >= 5,
    ),
    # (J) accounts
    _cued(
        Kind.ACCOUNT,
        r"acc(?:oun)?t|a/c|guarantor|invoice|billing|bill|receipt|statement|transaction|(?:credit|debit|bank)?\s*card|visa|mastercard|amex|iban|routing|check(?:ing)?\s+(?:no|number|\#)|encounter|csn|har|financial|fin",
        least=4,
        score=0.94,
    ),
    _checked(Kind.ACCOUNT, r"(?<![\w-])\d(?:[ -]?\d){12,18}(?![\w-])", _card, 0.93),
    _checked(
        Kind.ACCOUNT,
        r"(?i:(?<!\w)[A-Z]{2}\d{2}(?:\s?[A-Z0-9]{4}){2,7}(?:\s?[A-Z0-9]{1,3})?(?!\w))",
        lambda m: checksums.iban(m["phi"]),
        0.97,
    ),
    # (K) certificates and licences
    _cued(
        Kind.LICENSE,
        r"licen[sc]e|lic\.?|dl|d\.l\.|certificate|cert\.?|certification|npi|dea|upin|registration|reg\.?\s+(?:no|number|\#)|passport|permit|board\s+cert\w*",
        least=4,
        score=0.96,
    ),
    _checked(Kind.LICENSE, r"(?<![\w-])[12]\d{9}(?![\w-])", lambda m: checksums.npi(m["phi"]), 0.7),
    _checked(
        Kind.LICENSE,
        r"(?<![\w-])[ABCDEFGHJKLMPRSTUX][A-Z9]\d{7}(?![\w-])",
        lambda m: checksums.dea(m["phi"]),
        0.9,
    ),
    # (L) vehicles
    _checked(
        Kind.VEHICLE, r"(?<![\w-])[A-HJ-NPR-Z0-9]{17}(?![\w-])", lambda m: checksums.vin(m["phi"]), 0.97
    ),
    _cued(Kind.VEHICLE, r"vin|vehicle(?:\s+(?:id|identification))?|chassis", least=6, score=0.96),
    rule(
        Kind.VEHICLE,
        r"(?i:\b(?:licen[sc]e\s+plate|number\s+plate|plates?|tag|registration\s+plate)s?(?:\s*(?:is|was|number|no|reads?|reading)\b\.?|[\s:#=(\"'-])*)(?:[A-Z]{2}\s)?(?P<phi>(?=[A-Z0-9 -]*\d)(?=[A-Z0-9 -]*[A-Z0-9])[A-Z0-9]{1,4}[ -]?[A-Z0-9]{2,4}(?:[ -][A-Z0-9]{1,4})?)\b",
        score=0.97,
    ),
    # (M) devices
    _cued(
        Kind.DEVICE,
        r"serial|s/n|sn|ser\.?\s+no|lot|udi|imei|meid|mac(?:\s+address)?|device(?:\s+(?:id|identifier|serial))?|implant(?:\s+(?:id|serial))?|pacemaker|icd\s+(?:serial|model)|(?:pump|monitor|stimulator|generator|meter|sensor|prosthesis|lead|valve|stent)\s+(?:serial|id|sn|no|number|\#)|model",
        least=5,
        score=0.95,
    ),
    rule(Kind.DEVICE, r"(?<![\w:])(?:[0-9A-Fa-f]{2}[:-]){5}[0-9A-Fa-f]{2}(?![\w:])", score=0.95),
    rule(Kind.DEVICE, r"\(01\)\s?\d{11,14}(?:\s?\(\d\d\)\s?[\w-]+)*", score=0.99),
    # (P) biometrics
    _cued(
        Kind.BIOMETRIC,
        r"(?:finger|voice|palm|retina|retinal|iris|face|facial|thumb|dental)[\s-]*(?:print|scan|template|id|recognition|geometry|profile|image)?s?(?:\s+(?:id|template|hash|record|file|scan|sample|ref|reference|code|no|number))+|biometric(?:\s+\w+)?|dna\s+(?:profile|sample)(?:\s+id)?|genome\s+id|voiceprint|fingerprint",
        least=4,
        score=0.96,
    ),
    # "the retinal scan is stored as V", "a fingerprint, template V"
    rule(
        Kind.BIOMETRIC,
        rf"\b(?:finger|voice|palm|retinal?|iris|face|facial|thumb)[\s-]*(?:print|scan|template|image|geometry|recognition)s?\b[^.;\n\d]{{0,40}}?(?P<phi>{_CODE}){_END}",
        score=0.9,
        flags=re.IGNORECASE,
        check=lambda m: sum(map(str.isalnum, m["phi"])) >= 4 and sum(map(str.isdigit, m["phi"])) >= 2,
    ),
    # (Q) photographs
    rule(
        Kind.PHOTO,
        r"(?<![\w/\\])[\w][\w\-./\\~]{0,120}\.(?:jpe?g|png|heic|gif|tiff?|bmp|webp|dcm|mp4|mov|raw|dng)\b",
        score=0.97,
        flags=re.IGNORECASE,
    ),
    rule(
        Kind.PHOTO,
        r"\b(?:photos?|photographs?|pictures?|image|headshot|selfie|snapshot|img)(?:\s*(?:id|file|ref|reference|no|number|named|saved\s+as|stored\s+as|is|on\s+file)\b\.?|[\s:#=(-])+(?P<phi>[A-Za-z]*[\-_]?[A-Za-z]*[\-_]?\d[\w\-]{2,})\b",
        score=0.95,
        flags=re.IGNORECASE,
    ),
    rule(Kind.PHOTO, r"\b(?:IMG|DSC|DSCN|PXL|PHOTO)[_-]\w{3,}\b", score=0.95),
    # "five five five, oh one two three": five or more digits said one by one. Which kind they are, the words before tell.
    rule(
        Kind.ID,
        rf"\b{_SAID}(?:(?:\s*,\s*|\s*-\s*|\s+){_SAID}){{4,}}\b",
        score=0.75,
        flags=re.IGNORECASE,
    ),
    # an answer in the next turn: "Do you have your patient number?\nPatient: Um, 141972."
    rule(
        Kind.ID,
        r"\b(?:number|record|id|identification|social|account|policy|member|chart|mrn|license|licence|plate|serial)\b[^?\n]{0,40}\?\s*\n?\s*(?:\[?\w+\]?:?\s+)?(?:(?:um|uh|er|sure|yes|yeah|okay|ok|it['’]?s|it\s+is|that['’]?s|let\s+me\s+see|here|i\s+think)\b[\s,.]*){0,4}(?P<phi>(?=[\w-]*\d[\w-]*\d)[A-Za-z]{0,4}[\s-]?\d[\w-]{2,})(?!\w)",
        score=0.85,
        flags=re.IGNORECASE,
    ),
    # a licence of a state: "license ME 55422"
    rule(
        Kind.LICENSE,
        r"\b(?:licen[sc]e|lic|certificate|permit|dl)\b\.?(?:\s*(?:is|was|number|no|num|of)\b\.?|[\s:#=(,-])*(?P<phi>[A-Z]{1,3}[ -]?\d{4,}[A-Z0-9-]*)\b",
        score=0.97,
        flags=re.IGNORECASE,
    ),
    # plates and vehicles in small letters: "the other driver's plate was 907 xzm"
    rule(
        Kind.VEHICLE,
        r"\b(?:plates?|tags?|vin)(?:\s*(?:is|was|number|no|reads?|says)\b\.?|[\s:#=(\"'-])+(?P<phi>(?=[a-z0-9]*\d)[a-z0-9]{2,4}-(?=[a-z0-9]*\d)[a-z0-9]{2,4}|\d{2,4}[ -]?[a-z]{2,4}|[a-z]{2,4}[ -]?\d{2,4}|(?=\w*\d\w*\d)\w{6,17})(?!\w)",
        score=0.98,
        flags=re.IGNORECASE,
    ),
    # (R) anything else announced as a number for someone or something
    _cued(
        Kind.ID,
        r"accession|acc\.?|case|study|subject|participant|trial|protocol\s+id|badge|employee|emp|staff|student|tracking|ticket|reference|ref|confirmation|order|req(?:uisition)?|specimen|sample|slide|barcode|visit|referral|authori[sz]ation|auth|claim|prescription|rx|user\s?name|username|login|password|pin|code|file|docket|inmate|booking|tribal|military|veteran|va|national|tax|tin|ein|id(?:entifier|entification)?|i\.d\.|uuid|guid|no|number|\#",
        least=5,
        score=0.85,
    ),
    rule(Kind.ID, r"\b[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}\b", score=0.95),
    # ST-8204-T, 724-VL-5824: groups of letters and digits
    rule(
        Kind.ID,
        rf"(?<![\w./-])(?:[A-Z]{{1,4}}-(?!(?:19|20)\d\d{_END})\d{{4,}}(?:-[A-Z0-9]+)*|\d{{2,5}}-[A-Z]{{1,4}}-\d{{3,6}}){_END}",
        score=0.7,
    ),
    rule(Kind.DEVICE, r"\b(?:SN|S/N)[:#\s]*[A-Z]{0,4}-?\d{4,}[A-Z0-9-]*\b", score=0.96),
    rule(
        Kind.VEHICLE,
        r"\b(?i:registration|reg|plates?|tags?|vehicle|car|truck|van)(?:\s*(?:is|was|number|no)\b\.?|[\s:#=,(-])*(?P<phi>[A-Z]{2,3}[\ -]?\d{3,4}|\d{3,4}[\ -]?[A-Z]{2,3})\b",
        score=0.96,
    ),
    # seventeen letters and digits are a vehicle's number even where the check digit was mistyped
    rule(
        Kind.VEHICLE,
        r"(?<![\w-])(?=(?:[A-Z0-9]*\d){5})(?=(?:[A-Z0-9]*[A-Z]){2})[A-HJ-NPR-Z0-9]{17}(?![\w-])",
        score=0.75,
    ),
    # MS-654321, CSM987654, #RS-234567: letters glued to five or more digits
    rule(
        Kind.ID,
        rf"(?<![\w./-])[A-Z]{{1,5}}[-_]?(?:\d{{5,}}|\d{{2,}}-\d{{3,}})(?:-\d+)*[A-Z]?{_END}",
        score=0.7,
    ),
    rule(
        Kind.ID, rf"(?<![\w./,-])\d{{2,}}(?:-\d{{2,}}){{1,3}}{_END}{_UNITS}", score=0.65, check=_long_number
    ),
    rule(Kind.ID, rf"(?<![\w./,$-])\d{{7,}}(?:-?[A-Z])?(?![\w]|[,.]\d){_UNITS}", score=0.65),
    rule(Kind.ID, r"\#\s?(?P<phi>[A-Za-z]{0,5}-?\d{4,}[\w-]*)", score=0.8),
)


def build() -> RuleRecognizer:
    return RuleRecognizer("numbers", RULES)
