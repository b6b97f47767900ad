"""Sentences that bring an identifier into a record: what a writer jots down and what is said in the room.

``%s`` stands for the identifier, ``%b`` for what a biometric one was read from, ``{he}`` and its like for the patient.
"""

from random import Random

from privacy.kinds import Kind
from sample_clinic.people import Patient

JOTTED: dict[Kind, tuple[str, ...]] = {
    Kind.LOCATION: ("Home address %s.", "Mail goes to %s.", "Moved last month, now at %s.", "Home visit address: %s."),
    Kind.PHONE: ("Best number to reach {him}: %s.", "Please ring %s with results.", "Family asks that we text %s rather than call.", "Cell %s, voicemail fine."),
    Kind.FAX: ("Old records to be faxed to %s.", "Pharmacy fax %s.", "Release signed; fax %s.", "Copies went by fax to %s."),
    Kind.EMAIL: ("Prefers mail at %s.", "Leaflet sent to %s.", "Contact by email, %s.", "Reminders go to %s."),
    Kind.SSN: ("Social security number on the disability form reads %s.", "SSN %s per registration.", "The old chart is filed under SSN %s."),
    Kind.PLAN: ("Prior authorization under member number %s is pending.", "Insurance ID %s.", "{His} plan (beneficiary %s) covers it.", "Subscriber no. %s checked at the desk."),
    Kind.ACCOUNT: ("Billing asks about account %s.", "Hospital account number %s.", "Copay taken, acct %s.", "Charges go to guarantor account %s."),
    Kind.LICENSE: ("Driver's license %s was copied at check-in.", "ID shown at the desk: license no. %s.", "Pharmacy wants ID on release; license %s noted.", "Copy of driving license %s scanned."),
    Kind.VEHICLE: ("Parking pass issued for plate %s.", "Transport arrived in vehicle %s.", "Handicap placard filed, tag %s.", "The family car, registration %s, waits at the ramp."),
    Kind.DEVICE: ("Loaned monitor, serial %s.", "Home cuff %s returned.", "The nebulizer on loan is unit %s.", "Wearable %s paired today."),
    Kind.URL: ("Home readings are posted at %s.", "Results viewed at %s.", "The symptom diary is kept online at %s.", "Video link used: %s."),
    Kind.IP: ("Portal login came from %s.", "Consent was e-signed from IP %s.", "The home monitor uploads from %s.", "Tele-check-in logged at address %s."),
    Kind.BIOMETRIC: ("Identity confirmed by %b %s.", "%b %s enrolled at the desk.", "Check-in kiosk matched %b %s.", "Sign-in today with %b %s."),
    Kind.PHOTO: ("Facial photo %s added to the chart.", "Picture of the face on file as %s.", "Full-face image %s taken with consent.", "See portrait %s for comparison."),
    Kind.ID: ("Enrolled in the registry as %s.", "Research participant code %s.", "Case number %s at the insurer's nurse line.", "Sample sent under code %s."),
}  # fmt: skip
SAID: dict[Kind, tuple[tuple[str, str], ...]] = {
    Kind.LOCATION: (("Same address?", "No, we moved, it's %s now."), ("I still have %s, is that current?", "It is, same house.")),
    Kind.PHONE: (("Is %s still the best number for you?", "It is, evenings are better."), ("Where do we call with the results?", "%s, that's my cell.")),
    Kind.FAX: (("Does your pharmacy take faxes?", "They do, the fax there is %s."), ("I'll have the old notes faxed over.", "Use %s, that's the fax at the house.")),
    Kind.EMAIL: (("Shall I email you the leaflet?", "Sure, it's %s."), ("Is %s still your email?", "Yes, I check it every day.")),
    Kind.SSN: (("They want your social on this form.", "Okay, it's %s."), ("I see %s down as your social security number.", "That's it.")),
    Kind.PLAN: (("Did your insurance change?", "New card, member number %s."), ("I've got %s as your plan ID.", "Right, same one.")),
    Kind.ACCOUNT: (("Anything from the front desk?", "They're after account %s, I thought that was paid."), ("Billing flagged account %s.", "I'll stop by on the way out.")),
    Kind.LICENSE: (("Do you have ID on you?", "Driver's license, %s."), ("The desk still needs your license.", "Here. %s.")),
    Kind.VEHICLE: (("Did you find parking?", "Out front, plate %s, hope they don't tow it."), ("They want your tag for the parking pass.", "It's %s.")),
    Kind.DEVICE: (("Did you bring the monitor back?", "Here, the sticker says %s."), ("Which unit did we lend you?", "The one marked %s.")),
    Kind.URL: (("Where do you put your readings?", "On %s, like you showed me."), ("Did the video link work?", "%s? It did, after three tries.")),
    Kind.IP: (("Your portal was opened from %s last night, was that you?", "That's our house, yes."), ("The security people ask about a login from %s.", "Must be the library computer.")),
    Kind.BIOMETRIC: (("Did the check-in reader know you?", "It did, %b %s."), ("The kiosk has you down under %b %s.", "So that's what the gadget was for.")),
    Kind.PHOTO: (("We took a picture of your face for the chart, %s.", "I blinked, I'm sure."), ("Is this you in %s?", "That's me, before the haircut.")),
    Kind.ID: (("You're in the registry, aren't you?", "Yes, they call me %s."), ("What's your study number?", "It's %s on the card.")),
}  # fmt: skip
RARE = tuple(JOTTED)
_READ_FROM = {"FP": "fingerprint ID", "VP": "voiceprint", "IRIS": "iris scan"}


def jotted(rng: Random, patient: Patient, kind: Kind) -> str:
    return _filled(rng.choice(JOTTED[kind]), patient, kind)


def said(rng: Random, patient: Patient, kind: Kind) -> tuple[str, str]:
    """A question of the clinician and the answer to it."""
    question, answer = rng.choice(SAID[kind])
    return _filled(question, patient, kind), _filled(answer, patient, kind)


def _filled(line: str, patient: Patient, kind: Kind) -> str:
    read_from = _READ_FROM.get(patient.values[kind].partition("-")[0], "")
    return line.replace("%b", read_from).replace("%s", patient.value(kind))
