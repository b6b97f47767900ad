"""A clinic's day with canaries in every text, run inside an installation's own Django (see test_canaries.py).

Goes through upload, preview, import, review, dataset and the start of a training run; then through what goes wrong: files
that no reader reads, forms filled in wrongly, a recognizer and a page that raise errors that quote the patient.
Prints the uuid of the run. Real services, views, middleware and logging; the worker beside it is a real one as well.
"""

import csv
import io
import json
import sys
import time
from unittest.mock import patch

from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from presidio_analyzer import EntityRecognizer

from accounts.models import Role
from audit import staff
from privacy.engine import Scrubber
from records.models import Record, Upload
from records.services import datasets, review, scrubbing, uploads
from tests.e2e.canaries import CANARIES, PATIENT, notes
from training.models import RunStage
from training.options import RunOptions
from training.services import runs

clinic = staff.create_clinic(name="Alder Clinic")
alice, _ = staff.add_member(
    clinic=clinic, username="alice", role=Role.ADMIN, by=None, password="a long enough password"
)
client = Client(SERVER_NAME="localhost", raise_request_exception=False)
client.force_login(alice)


def post(url, **data):
    return client.post(url, data)


def upload(name, data):
    return post("/records/upload/", file=SimpleUploadedFile(name, data))


def wait_until(condition, what):
    end = time.monotonic() + 300
    while not condition():
        if time.monotonic() > end:
            sys.exit(f"waited too long for {what}")
        time.sleep(0.5)


# What goes well.
table = io.StringIO()
writer = csv.DictWriter(table, ["text", "summary", "patient", "section"])
writer.writeheader()
writer.writerows(notes())
answer = upload(f"{PATIENT}.csv", table.getvalue().encode())
preview = answer["Location"]
assert CANARIES[0] in client.get(preview).content.decode()
assert post(f"{preview}import/").status_code == 302
wait_until(lambda: Record.objects.filter(status="scrubbed").count() == 10, "the worker to scrub")
for url in ("/records/", f"/records/?number={PATIENT}", "/datasets/", "/audit/log/"):
    client.get(url)
records = list(Record.objects.all())
for record in records:
    assert any(canary in client.get(f"/records/{record.uuid}/").content.decode() for canary in CANARIES)
    client.get(f"/records/review/{record.uuid}/")
post(f"/records/review/{records[0].uuid}/", marks="[]", words="", kind="NAME")
review.approve_records(clinic=clinic, records=records, reviewer=alice, reason="a test")
dataset = datasets.freeze_dataset(clinic=clinic, name="visits", user=alice, attestation="a test")
run = runs.start_run(
    clinic=clinic,
    user=alice,
    name="canaries",
    dataset=dataset,
    base="local:tiny",
    options=RunOptions(epochs=1, evaluate_rows=2, types=("Q8_0",)),
)
prepare = RunStage.objects.filter(run=run, name="prepare")
wait_until(lambda: not prepare.filter(status__in=["queued", "running"]).exists(), "the prepare stage")

# What goes wrong.
quoting = "\n".join(note["text"] for note in notes())
for name, data in (
    (f"{PATIENT}.docx", quoting.encode()),
    (f"{PATIENT}.pdf", b"%PDF-1.7\n" + quoting.encode()),
    (f"{PATIENT}.exe", quoting.encode()),
    (f"{PATIENT}.csv", f'text,summary\n"{quoting}'.encode()),
    (f"{PATIENT}.jsonl", quoting.encode()),
    (f"{PATIENT}.json", json.dumps({"resourceType": "Bundle", "note": quoting})[:-9].encode()),
    (f"{PATIENT}.txt", quoting.encode("utf-16-le") + b"\xff"),
):
    upload(name, data)
left = upload(f"{PATIENT}.txt", f"{quoting} Left without a decision.".encode())["Location"]
assert Upload.objects.filter(status="preview").exists(), left
post("/records/upload/")
post(f"/records/review/{records[1].uuid}/", marks=quoting, words=quoting, kind=PATIENT)
post(f"/records/review/{records[1].uuid}/", marks="[]", words=CANARIES[7], kind="NAME")
post("/portal/summarize/", text=quoting, section=PATIENT)
post("/portal/summarize/", text=quoting, section=f"{quoting}" * 3)
post("/portal/stream/", text=quoting, section=PATIENT)
post("/datasets/propose/", name=quoting, seed=PATIENT)
post(f"/records/{records[2].uuid}/erase/", label=PATIENT)
post("/runs/start/", name=quoting, dataset=PATIENT)


class Failing(EntityRecognizer):
    """Its error quotes the text, as a library's may."""

    def load(self):
        pass

    def analyze(self, text, entities, nlp_artifacts=None):
        raise ValueError(text)


failing = Scrubber(rules=[Failing(supported_entities=["NAME"])])
row = uploads.Row(1, quoting, "", patient=PATIENT)
(set_aside,) = uploads.import_rows(clinic=clinic, user=alice, rows=[row]).records
with patch.object(scrubbing, "get_scrubber", lambda: failing):
    scrubbing.scrub_record(record=set_aside)
set_aside.refresh_from_db()
assert set_aside.status == "quarantined"
client.get(f"/records/{set_aside.uuid}/")


def quote(*_, **__):
    raise ValueError(quoting)


with patch("records.views.records.pieces", quote):
    assert client.get(f"/records/{records[3].uuid}/").status_code == 500
with patch("records.services.uploads.note_near_duplicates", quote):
    assert post(f"{left}import/").status_code == 500
print(run.uuid, prepare.get().status)
