"""Pieces that the patterns for places share: states, zip codes, towns, and what shows a place's name is no place."""

import re

from privacy.recognizers.name_cues import CAP

STATE_CODES = "AL|AK|AZ|AR|CA|CO|CT|DE|FL|GA|HI|ID|IL|IN|IA|KS|KY|LA|ME|MD|MA|MI|MN|MS|MO|MT|NE|NV|NH|NJ|NM|NY|NC|ND|OH|OK|OR|PA|RI|SC|SD|TN|TX|UT|VT|VA|WA|WV|WI|WY|DC|PR"
STATES = (
    "Alabama|Alaska|Arizona|Arkansas|California|Colorado|Connecticut|Delaware|Florida|Georgia|Hawaii|Idaho|Illinois|Indiana|"
    "Iowa|Kansas|Kentucky|Louisiana|Maine|Maryland|Massachusetts|Michigan|Minnesota|Mississippi|Missouri|Montana|Nebraska|"
    "Nevada|New\\ Hampshire|New\\ Jersey|New\\ Mexico|New\\ York|North\\ Carolina|North\\ Dakota|Ohio|Oklahoma|Oregon|"
    "Pennsylvania|Rhode\\ Island|South\\ Carolina|South\\ Dakota|Tennessee|Texas|Utah|Vermont|Virginia|Washington|"
    "West\\ Virginia|Wisconsin|Wyoming|D\\.C\\."
)
STATE = rf"(?:{STATES}|(?:{STATE_CODES})\b)"
ZIP = r"(?:\d{5}(?:-\d{4})?)"
TOWN = rf"(?:(?:St|Ft|Mt|Pt)\.[ ])?{CAP}(?:[ ](?:of|the|de|la|on|upon|del)[ ]{CAP}|[ ]{CAP}){{0,3}}"
SCORE_NEXT = re.compile(
    r"['’]?s?\s+(?:\w+\s+){0,2}?(?:scores?|scale|criteria|classification|class|index|study|trial|system|sign|test|staging|stage|protocol|treadmill|"
    r"consensus|coma|cognitive|disease|syndrome|guidelines?|risk|virus|fever|rules?|metro|catheter|method|calculator)\b",
    re.IGNORECASE,
)
