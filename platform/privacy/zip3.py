"""Which ZIP codes may keep their first three digits.

45 CFR 164.514(b)(2)(i)(B): the area of all ZIP codes with these three digits holds more than 20,000 people by the
current publicly available data of the Bureau of the Census; for all other areas they are changed to 000.
"""

CENSUS_YEAR = 2000
RESTRICTED = frozenset(
    [
        "036",
        "059",
        "063",
        "102",
        "203",
        "556",
        "692",
        "790",
        "821",
        "823",
        "830",
        "831",
        "878",
        "879",
        "884",
        "890",
        "893",
    ]
)
"""The 17 prefixes of 20,000 people or fewer by the census of 2000, as the Department of Health and Human Services
lists them in its "Guidance Regarding Methods for De-identification of Protected Health Information", 26 November 2012."""


def allowed_prefix(zip_code: str) -> str:
    """The first three digits where the rule lets them stand, else "000"."""
    prefix = zip_code[:3]
    is_known = len(prefix) == 3 and prefix.isascii() and prefix.isdigit()
    return prefix if is_known and prefix not in RESTRICTED else "000"
