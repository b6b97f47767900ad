"""Text to spans, with near-misses that must stay as they are. A leak found later becomes a row here."""

import pytest

from privacy.engine import get_scrubber
from privacy.kinds import Kind

FOUND = [
    # names
    ("Mrs. Alvarez was seen today.", "Alvarez", Kind.NAME),
    ("Referred by Dr. Okonkwo.", "Dr. Okonkwo", Kind.NAME),
    ("Patient: Anna Smith, here for follow-up", "Anna Smith", Kind.NAME),
    ("Name: Xiulan Zzyzx", "Xiulan Zzyzx", Kind.NAME),
    ("SMITH, JOHN was admitted.", "SMITH, JOHN", Kind.NAME),
    ("Seen with J. R. Smith.", "J. R. Smith", Kind.NAME),
    ("History of Anna S., a teacher", "Anna S.", Kind.NAME),
    ("Hello, my name is Ludmila.", "Ludmila", Kind.NAME),
    ("hi, my name is vitoria", "vitoria", Kind.NAME),
    ("I'm Dr. Chen, the surgeon", "Dr. Chen", Kind.NAME),
    ("Her daughter Amy drove her.", "Amy", Kind.NAME),
    ("He is the son of Gregor Novak.", "Gregor Novak", Kind.NAME),
    ("Electronically signed by: Priya Raman, MD", "Priya Raman", Kind.NAME),
    ("Dear Oliver,\nthank you", "Oliver", Kind.NAME),
    ("Rose Miller came in.", "Rose Miller", Kind.NAME),
    ("Her sister Hope lives near.", "Hope", Kind.NAME),
    ("Hi Mr. Day, have a seat.", "Day", Kind.NAME),
    ("Sincerely,\nApril Winter, MD", "April Winter", Kind.NAME),
    ("Joy Thistlewood | DOB 8 Aug 1984", "Joy Thistlewood", Kind.NAME),
    ("O.R., 62, woman, knee pain", "O.R.", Kind.NAME),
    ("Will Smith came in.", "Will Smith", Kind.NAME),
    ("[doctor] hey, brian white is here", "brian white", Kind.NAME),
    ("thank you, ms. thompson.", "thompson", Kind.NAME),
    ("Sean O'Neill-Barnes called.", "Sean O'Neill-Barnes", Kind.NAME),
    ("José García de la Cruz called.", "José García de la Cruz", Kind.NAME),
    # dates
    *[
        (f"It began {said}.", date, Kind.DATE)
        for said, date in [
            ("on May 3rd", "May 3rd"),
            ("on May 3rd, 2021", "May 3rd, 2021"),
            ("the third of May", "third of May"),
            ("on January tenth two thousand nine", "January tenth two thousand nine"),
            ("in August of two thousand eight", "August of two thousand eight"),
            ("on 3 March 2021", "3 March 2021"),
            ("in May 2021", "May 2021"),
            ("on 05/03", "05/03"),
            ("on 3/5", "3/5"),
            ("3/5/2021", "3/5/2021"),
            ("2021-05-03", "2021-05-03"),
            ("31.12.2021", "31.12.2021"),
            ("12-Mar-2020", "12-Mar-2020"),
            ("in 03/2008", "03/2008"),
            ("last March", "March"),
            ("on the 15th", "15th"),
            ("on Christmas Eve", "Christmas Eve"),
        ]
    ],
    # ages over 89
    ("A 92-year-old woman", "92", Kind.AGE),
    ("He died at age 101.", "101", Kind.AGE),
    ("a ninety-two year old man", "ninety-two", Kind.AGE),
    ("And your age?\nPatient: 93.", "93", Kind.AGE),
    ("Rose Miller (92) was admitted.", "92", Kind.AGE),
    ("She is in her 90s.", "90s", Kind.AGE),
    # contacts
    ("Call 415-555-0134 today", "415-555-0134", Kind.PHONE),
    ("Phone: (415) 555-0134 ext. 12", "(415) 555-0134 ext. 12", Kind.PHONE),
    ("Fax: 415-555-0199", "415-555-0199", Kind.FAX),
    ("write to a.smith@example.org please", "a.smith@example.org", Kind.EMAIL),
    ("see https://portal.example.org/p/123?x=1", "https://portal.example.org/p/123?x=1", Kind.URL),
    ("from 192.168.4.17 at noon", "192.168.4.17", Kind.IP),
    ("from 2001:db8::8a2e:370:7334 at noon", "2001:db8::8a2e:370:7334", Kind.IP),
    # numbers
    ("SSN 219-09-9999", "219-09-9999", Kind.SSN),
    ("last four of social security: 9999", "9999", Kind.SSN),
    ("MRN: 00482913", "00482913", Kind.MRN),
    ("MRN is #AB-48291", "AB-48291", Kind.MRN),
    ("Medical record no. 48-29-13", "48-29-13", Kind.MRN),
    ("insurance ID: HP-789123", "HP-789123", Kind.PLAN),
    ("Medicare 1EG4-TE5-MK73 on file", "1EG4-TE5-MK73", Kind.PLAN),
    ("Account number 7730021", "7730021", Kind.ACCOUNT),
    ("card 4111 1111 1111 1111", "4111 1111 1111 1111", Kind.ACCOUNT),
    ("NPI 1234567893", "1234567893", Kind.LICENSE),
    ("DEA AB1234563", "AB1234563", Kind.LICENSE),
    ("driver's license D1234567", "D1234567", Kind.LICENSE),
    ("VIN 1M8GDM9AXKP042788", "1M8GDM9AXKP042788", Kind.VEHICLE),
    ("a car, 1M8GDM9AXKP042788, hit", "1M8GDM9AXKP042788", Kind.VEHICLE),
    ("license plate 7ABC123", "7ABC123", Kind.VEHICLE),
    ("pacemaker serial number PM-482913", "PM-482913", Kind.DEVICE),
    ("fingerprint ID FP-20931", "FP-20931", Kind.BIOMETRIC),
    ("photo file IMG_2041.jpg attached", "IMG_2041.jpg", Kind.PHOTO),
    ("accession S21-48291", "S21-48291", Kind.ID),
    ("badge 448213", "448213", Kind.ID),
    # places
    ("lives at 123 Elm St, Springfield, IL 62704", "123 Elm St, Springfield, IL 62704", Kind.LOCATION),
    ("P.O. Box 1423", "P.O. Box 1423", Kind.LOCATION),
    ("moved from Springfield, IL", "Springfield, IL", Kind.LOCATION),
    ("She lives in Qxford Junction.", "Qxford Junction", Kind.LOCATION),
    ("in Chicago", "Chicago", Kind.LOCATION),
    ("zip code 94103", "94103", Kind.LOCATION),
    ("admitted to St. Mary's Hospital", "St. Mary's Hospital", Kind.ORGANIZATION),
    ("seen at Springfield Medical Center", "Springfield Medical Center", Kind.ORGANIZATION),
    ("care at Mayo Clinic in Rochester, MN", "Mayo Clinic in Rochester, MN", Kind.ORGANIZATION),
    ("He works for Globex Corporation.", "Globex Corporation", Kind.ORGANIZATION),
    ("She works at Initech as a clerk.", "Initech", Kind.ORGANIZATION),
]

LEFT_ALONE = [
    "Brief Hospital Course: uneventful. Hospital Day 3.",
    "She has Parkinson's disease and Crohn disease.",
    "Foley catheter placed; Babinski sign absent; non-Hodgkin's lymphoma.",
    "A positive Chaddock reflex and a Framingham Risk Score of 20%.",
    "Graves' disease, Wilson's disease, Barrett's esophagus, Lyme disease, Marfan syndrome.",
    "ANA positive, Wells score 3, Glasgow coma scale 15, Guillain-Barré syndrome.",
    "She rose at six and will mark the site; may repeat in the spring. Grace and hope help.",
    "Will you take it? May I look? Mark the spot.",
    "Patient: Yeah, about two days. Doctor: Okay. Patient: I'm fine.",
    "Patient: Actually it got better. I've had chills.",
    "Thank you, Doctor. Do I come back? Yes, Doctor. It hurts.",
    "The motor vehicle accident; rotator cuff tear; the doctor ordered it.",
    "Diagnosed in 2019. Seen last Tuesday, last summer, two weeks ago.",
    "Pain 2/10, strength 5/5, BP 120/80, murmur 2/6, take 1/2 tablet.",
    "Strength is 5/5 in all extremities on exam.",
    "An 89-year-old man; aged 45; weight 92 kg; 95 mg daily; saturation 97%.",
    "Sodium 138, glucose 92, WBC 11.2, eGFR 45 mL/min/1.73m2, INR 2.5.",
    "COVID-19, CA-125, HLA-B27, HbA1c 6.5, CHA2DS2-VASc of 5, C5-C6 fusion.",
    "Lantus 20 units nightly, Lipitor 40 mg, Tylenol 650 mg, 1000000 units penicillin.",
    "Give 1000-1500 mg per day from 2019-2021.",
    "She is from California and travelled to Mexico and France.",
    "The hospital and the clinic; a Cardiology Clinic visit; our emergency department.",
    "Firmware version 1.2.3.4 was installed.",
    "E. coli and C. difficile were not found; H. pylori was.",
    "African American, Hispanic and Asian patients; the ADA and AHA guidelines.",
]


@pytest.mark.parametrize(("text", "identifier", "kind"), FOUND)
def test_an_identifier_is_found_whole_and_named_rightly(text: str, identifier: str, kind: Kind) -> None:
    start = text.index(identifier)
    letters = {i for i in range(start, start + len(identifier)) if text[i].isalnum()}
    spans = get_scrubber().find(text)
    covered = {i for span in spans for i in range(span.start, span.end)}
    assert letters <= covered
    assert kind in {span.kind for span in spans if span.start < start + len(identifier) and start < span.end}


@pytest.mark.parametrize("text", LEFT_ALONE)
def test_harmless_text_is_left_alone(text: str) -> None:
    assert [(text[span.start : span.end], span.kind) for span in get_scrubber().find(text)] == []


def test_same_kind_neighbours_are_both_caught() -> None:
    text = "Contacts: 415-555-0134 415-555-0135, Anna Smith John Brown"
    covered = {i for span in get_scrubber().find(text) for i in range(span.start, span.end)}
    for value in ("415-555-0134", "415-555-0135", "Anna Smith", "John Brown"):
        start = text.index(value)
        assert all(i in covered for i in range(start, start + len(value)) if text[i].isalnum())


def test_a_person_named_once_for_sure_is_found_again_without_a_cue() -> None:
    text = "Name: Quorra Zenn. The plan was discussed. Later Quorra agreed."
    again = text.rindex("Quorra")
    assert any(span.start <= again < span.end for span in get_scrubber().find(text))
