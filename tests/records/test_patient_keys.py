"""A patient's number comes from a column, a message, a bundle or a folder's name; it is kept as a keyed hash and no other way."""

import json
from pathlib import Path

import pytest
from corpus.writers import as_json, bundle, div, hl7_of, zip_of

from accounts.models import Clinic, User
from records import store
from records.models import Record
from records.services import uploads
from tests.traces import files_holding, rows_holding

pytestmark = pytest.mark.django_db

NUMBER = "MRNX44178230"
COMPOSITION = {
    "resourceType": "Composition",
    "title": "Note",
    "subject": {"reference": f"Patient/{NUMBER}"},
    "section": [{"title": "Plan", "text": div("<p>Rest and fluids, from a bundle.</p>")}],
}
FILES = {
    "a.csv": f"text,patient\nA cough from a table.,{NUMBER}\n".encode(),
    "a.jsonl": json.dumps({"text": "A cough from a line.", "patient": NUMBER}).encode(),
    "a.hl7": hl7_of("OBX|1|TX|||A cough from a message.", patient=f"{NUMBER}^^^ALDER^MR").encode(),
    "a.json": as_json(bundle(COMPOSITION)),
    "a.zip": zip_of({f"{NUMBER}/a.txt": b"A cough from a folder.", "55/b.txt": b"Another's."}),
}


@pytest.mark.parametrize("name", FILES)
def test_the_number_is_in_no_row_and_no_file(clinic: Clinic, clerk: User, own_var: Path, name: str) -> None:
    upload, _ = uploads.receive_upload(clinic=clinic, user=clerk, name=name, data=FILES[name])
    while_waiting = files_holding(NUMBER, own_var), rows_holding(NUMBER)
    keys = {record.patient_key for record in uploads.confirm_upload(upload=upload, user=clerk).records}
    assert store.keyed_hash("patient", clinic, "patient", NUMBER) in keys
    assert while_waiting == ([], [])
    assert (files_holding(NUMBER, own_var), rows_holding(NUMBER)) == ([], [])


def test_one_patient_is_one_wherever_the_number_came_from_and_another_one_in_another_clinic(
    clinic: Clinic, clerk: User, other_clinic: Clinic, bob: User
) -> None:
    for owner, user in ((clinic, clerk), (other_clinic, bob)):
        for name, data in FILES.items():
            upload, _ = uploads.receive_upload(clinic=owner, user=user, name=name, data=data)
            uploads.confirm_upload(upload=upload, user=user)
    ours, theirs = (
        set(Record.objects.filter(clinic=owner).values_list("patient_key", flat=True))
        for owner in (clinic, other_clinic)
    )
    assert (len(ours), len(theirs)) == (2, 2)  # the number's, and the other folder's
    assert not ours & theirs
