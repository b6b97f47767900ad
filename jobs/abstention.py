"""Whether a summary says that there is nothing to say: it is empty, or all of it is "None", "Not stated" and the like.

A finding is no abstention: "No known allergies" or "Unremarkable" tell something that the record must hold.
"""

import re

_PUNCTUATION = re.compile(r"[^\w:]+")
_STATED = (
    "stated|mentioned|documented|reported|provided|available|discussed|recorded|specified|given|noted|known"
)
_NOTHING = (
    r"(?:none|nil|nothing|unknown|not known|not sure|n a|na|not applicable|non ?contributory|no information"
    rf"|not (?:been )?(?:{_STATED}))"
)
_LEAD = r"(?:[\w ]{1,40}: |(?:[a-z]+ ){0,4}?(?:is|are|was|were|has|have) )?"
_TAIL = rf"(?: (?:significant|{_STATED}|to report|at this time|in (?:the|this) \w+))*"
_ABSTAINS = re.compile(_LEAD + _NOTHING + _TAIL)


def abstains(summary: str) -> bool:
    said = _PUNCTUATION.sub(" ", summary.lower()).strip(" :")
    return not said or _ABSTAINS.fullmatch(said) is not None
