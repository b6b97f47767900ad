"""Fifty planted identifiers of all kinds, each a word or number that stands nowhere else, in cued sentences.

``LINES`` are (sentence, canary). The scrubber catches all of them: what it misses is measured elsewhere; here it is asked
whether what was caught ever turns up outside the encrypted store.
"""

_TEXT = """
Patient: Quentin Zabriskie|Zabriskie
Dr. Ottoline Marchbanks reviewed the films|Marchbanks
Mr. Thaddeus Winterbourne came alone|Winterbourne
Mrs. Philippa Haverstock is the sister|Haverstock
Nurse Rosalind Appleyard gave the injection|Appleyard
His wife, Genevieve Trelawney, was present|Trelawney
Signed by Bartholomew Fennimore, MD|Fennimore
Referred by Dr. Cornelius Ashgrove|Ashgrove
Ms. Wilhelmina Stanhope called|Stanhope
His son Leopold Barrington drove him|Barrington
Seen on 03/17/2019|03/17/2019
Admitted on April 22, 2018|April 22, 2018
Discharged 2020-11-09|2020-11-09
Born on 12 June 1947|12 June 1947
DOB: 08/30/1951|08/30/1951
Follow-up on the third of February|third of February
SSN: 521-44-9832|521-44-9832
Social security number 478-90-3316|478-90-3316
MRN: 88413079|88413079
Medical record number 70552918|70552918
Phone: 617-555-0143|617-555-0143
Call him at (415) 555-0198|555-0198
Mobile 303-555-0127|303-555-0127
Fax: 212-555-0166|212-555-0166
Fax number 718-555-0109|718-555-0109
Email: q.zabri77@example.org|q.zabri77
Write to o.march42@clinic.example.com|o.march42
Health plan ID: XHP88213467|XHP88213467
Member ID: ZGW402918837|ZGW402918837
Medicare number 1EG4-TE5-MK73|1EG4-TE5-MK73
Account number: 4417099283|4417099283
Acct # 9920418835|9920418835
License number: MD7730219|MD7730219
Driver's license S530-4610-9921|S530-4610-9921
DEA number AB1234563|AB1234563
NPI: 1234567893|1234567893
License plate: 7KXR294|7KXR294
VIN: 1HGCM82633A004352|1HGCM82633A004352
Device serial number SN-48213377|SN-48213377
Pacemaker serial PM55120398X|PM55120398X
See https://portal.example.com/u/zabri9|zabri9
IP address 203.0.113.77|203.0.113.77
Logged in from 198.51.100.23|198.51.100.23
Lives at 4417 Larkspur Hollow Road|Larkspur
Address: 902 Tamarind Court, Springfield|Tamarind
Lives in Boston, MA 02134|02134
Works at Brackenridge Memorial Hospital|Brackenridge
Seen at St. Aldhelm Medical Center|Aldhelm
Fingerprint ID: FP-99120347|FP-99120347
Case number: CN-20418876|CN-20418876
"""
LINES = [
    (sentence, canary) for sentence, _, canary in (line.partition("|") for line in _TEXT.strip().splitlines())
]
CANARIES = [canary for _, canary in LINES]
PATIENT = "Zabriskie-0042"
"""Stands in the patient column, in a file's name and in forms."""

_FILLER = (
    "He has had a dry cough for {0} days and walks {0} blocks. Lungs are clear. Blood pressure 150/95. "
    "Lisinopril {0} mg was started. He sleeps {0} hours a night."
)


def notes(records: int = 10) -> list[dict[str, str]]:
    """Records that share the canaries among them, half of each one's in the reference summary too."""
    found = []
    for number in range(records):
        lines = [sentence for sentence, _ in LINES[number::records]]
        found.append(
            {
                "text": f"{'. '.join(lines)}. {_FILLER.format(number + 2)}",
                "summary": f"{'. '.join(lines[:2])}. Cough for {number + 2} days.",
                "patient": f"{PATIENT}-{number}",
                "section": f"Note for Mr. {LINES[2][1]}" if number == 2 else "HPI",
            }
        )
    return found
