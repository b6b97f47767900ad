"""Fifty canaries go through upload, review, a dataset, training data and every error path of a real installation.

They are found in the encrypted store and nowhere else: no file under the state folder or the temp folder (the database's
own file, its log of changes, broker messages, run folders and logs are among them), no column of any table, no output.
And an erased record's blobs are not even found as ciphertext.
"""

import json
import re
from pathlib import Path

import pytest

from tests.e2e.canaries import CANARIES, PATIENT
from tests.e2e.installation import Installation

pytestmark = pytest.mark.slow

DAY = Path(__file__).with_name("canary_day.py").read_text()
# Everything in every table, as a client of the database sees it.
DUMP = """
from django.db import connection
def shown(value):
    return bytes(value).decode("latin-1") if isinstance(value, (bytes, memoryview)) else str(value)
with connection.cursor() as cursor:
    for table in connection.introspection.table_names(cursor):
        cursor.execute(f'SELECT * FROM "{table}"')
        for row in cursor.fetchall():
            print(table, *[ascii(shown(value)) for value in row])
"""
OPENED = """
import json
from records import store
from records.models import Record, ScrubbedText
originals = [store.load_original(record) for record in Record.objects.select_related("clinic")]
scrubbed = [store.open_scrubbed(text) for text in ScrubbedText.objects.select_related("record__clinic")]
print(json.dumps([[text for texts in kept for text in (texts.source, texts.target)] for kept in (originals, scrubbed)]))
"""
ERASE = """
import json
from pathlib import Path
from django.conf import settings
from accounts.models import User
from dashboard.services import erasure
from records.models import DatasetItem, Record
from training.models import TrainingRun
from training.services.runs import cancel_rest
for run in TrainingRun.objects.exclude(status="succeeded"):
    cancel_rest(run)  # its worker was stopped
text = DatasetItem.objects.select_related("scrubbed_text__record__clinic").first().scrubbed_text
def places():
    # While the database is open: SQLite empties its log of changes by itself when the last one closes it.
    return [path.name for path in Path(settings.VAR).rglob("*") if path.is_file() and blob in path.read_bytes()]
blob = bytes(text.blob)[:48]
before = places()
erasure.erase_records(records=[text.record], user=User.objects.get(username="alice"))
is_done = Record.objects.get(pk=text.record_id).erased_at is not None
print(json.dumps([text.record.number, before, is_done, places()]))
"""


@pytest.fixture
def day(installation: Installation) -> Installation:
    """An installation after the day, its worker stopped."""
    temp = installation.var / "tmp"  # so that what is left in temp folders is searched too
    temp.mkdir()
    installation.environment["TMPDIR"] = str(temp)
    installation.manage("migrate", "--verbosity", "0")
    installation.manage("collectstatic", "--noinput", "--verbosity", "0")
    worker = installation.start_worker()
    program = installation.start("day", "manage.py", "shell", "--no-imports", "-c", DAY)
    assert program.wait(400) == 0, (installation.var / "day.log").read_text()[-3000:]
    installation.kill(worker)
    assert "succeeded" in (installation.var / "day.log").read_text().splitlines()[-1]
    return installation


def spelled(word: str) -> re.Pattern[bytes]:
    """The word where it stands alone: a ZIP code's five digits turn up by chance within longer numbers (hashes of bands)."""
    return re.compile(rb"(?<![0-9])" + re.escape(word.encode()) + rb"(?![0-9])")


def files_with(word: str, folder: Path) -> list[str]:
    pattern = spelled(word)
    return [str(path) for path in folder.rglob("*") if path.is_file() and pattern.search(path.read_bytes())]


def test_fifty_canaries_are_found_in_the_encrypted_store_alone(day: Installation) -> None:
    originals, scrubbed = map("\n".join, json.loads(day.shell(OPENED)))
    assert [canary for canary in CANARIES if canary not in originals] == [], "the day lost some of them"
    assert [canary for canary in CANARIES if canary in scrubbed] == []

    rows = next(day.var.glob("runs/*/rows.jsonl")).read_text()
    assert "dry cough for 2 days" in rows, "the search would find what is there"
    assert any(path.stat().st_size for path in (day.var / "tmp").parent.rglob("*.log"))
    dump = day.shell(DUMP).splitlines()
    assert {"records_record", "audit_auditentry", "django_session"} <= {
        line.partition(" ")[0] for line in dump
    }
    found = {
        canary: files_with(canary, day.var)
        + [line.partition(" ")[0] for line in dump if spelled(canary).search(line.encode())]
        for canary in [*CANARIES, PATIENT]
    }
    assert {canary: places for canary, places in found.items() if places} == {}
    names = [path.name for path in day.var.rglob("*") if any(canary in path.name for canary in CANARIES)]
    assert names == []

    number, before, is_done, after = json.loads(day.shell(ERASE))
    on_sqlite = not day.environment["DATABASE_URL"].startswith("postgres")
    assert any("sqlite3" in name for name in before) == on_sqlite
    assert (is_done, after) == (True, [])
    assert files_with(f"cough for {number + 1} days", day.var) == []
