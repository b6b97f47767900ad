"""Where a file does not say how its text is encoded, its uploader is shown the ways that fit and chooses."""

from collections.abc import Callable
from io import StringIO
from pathlib import Path

import pytest
from corpus.writers import hl7_of, zip_of
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse

from accounts.models import Clinic, User
from audit.models import AuditEntry
from records import store
from records.models import Record, Upload
from records.services import uploads

SignedIn = Callable[[User], Client]
NOTE = "First line\nTook ½ tablet of 10 µg\nGröße 1,80 m"
OLD = NOTE.encode("cp1252")


def held(clinic: Clinic, user: User, data: bytes = OLD, name: str = "note.txt") -> Upload:
    return uploads.hold_upload(clinic=clinic, user=user, name=name, data=data)


def page_of(upload: Upload) -> str:
    return reverse("records:upload_encoding", args=[upload.uuid])


def waiting_files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def test_an_uncertain_file_leads_to_the_question_and_nothing_is_read(
    client_for: SignedIn, clerk: User
) -> None:
    client = client_for(clerk)
    response = client.post(reverse("records:upload"), {"file": SimpleUploadedFile("note.txt", OLD)})
    upload = Upload.objects.get()
    assert (upload.status, upload.row_count, upload.encoding) == (Upload.Status.QUESTION, 0, "")
    assert response.headers["Location"] == page_of(upload)
    assert client.get(reverse("records:upload_preview", args=[upload.uuid])).headers["Location"] == page_of(
        upload
    )


def test_the_page_shows_the_same_lines_read_in_each_way_that_fits(
    client_for: SignedIn, clerk: User, clinic: Clinic
) -> None:
    response = client_for(clerk).get(page_of(held(clinic, clerk)))
    page = response.content.decode()
    assert "no-store" in response.headers["Cache-Control"]
    assert 'value="cp1252"' in page
    for line in (
        "Took ½ tablet of 10 µg",
        "Took œ tablet of 10 µg",
        "Took Ω tablet of 10 µg",
        "Took ╜ tablet of 10 ╡g",
    ):
        assert f'<p dir="auto">{line}</p>' in page
    assert "First line" not in page  # it reads alike in all of them
    assert 'value="iso-8859-1"' not in page  # it reads this whole file as Windows does: one choice


def test_the_chosen_reading_is_previewed_and_imported_to_the_letter(
    client_for: SignedIn, clerk: User, clinic: Clinic
) -> None:
    upload, client = held(clinic, clerk), client_for(clerk)
    response = client.post(page_of(upload), {"encoding": "cp1252"})
    assert response.headers["Location"] == reverse("records:upload_preview", args=[upload.uuid])
    preview = client.get(response.headers["Location"]).content.decode()
    assert "Took ½ tablet of 10 µg" in preview
    assert page_of(upload) in preview  # to choose again
    client.post(reverse("records:upload_confirm", args=[upload.uuid]))
    assert store.load_original(Record.objects.get()).source == NOTE
    upload.refresh_from_db()
    assert (upload.status, upload.encoding) == (Upload.Status.CONFIRMED, "cp1252")
    entry = AuditEntry.objects.get(action="choose_encoding", actor=clerk)
    assert entry.facts["encoding"] == "cp1252"


def test_another_choice_may_be_made_until_the_import(
    client_for: SignedIn, clerk: User, clinic: Clinic
) -> None:
    upload, client = held(clinic, clerk), client_for(clerk)
    client.post(page_of(upload), {"encoding": "cp437"})
    assert (
        'value="cp437" aria-describedby="lines-5" required checked'
        in client.get(page_of(upload)).content.decode()
    )
    client.post(page_of(upload), {"encoding": "cp1252"})
    assert "½ tablet" in client.get(reverse("records:upload_preview", args=[upload.uuid])).content.decode()
    client.post(reverse("records:upload_confirm", args=[upload.uuid]))
    assert client.post(page_of(upload), {"encoding": "cp437"}).headers["Location"] == reverse("records:list")
    assert client.get(page_of(upload)).headers["Location"] == reverse("records:list")


@pytest.mark.parametrize(
    ("chosen", "said"),
    [
        ("", "Choose the row in which every sign is right"),
        ("utf-8", "not written in the encoding that was chosen"),
        ("shift-jis", "not written in the encoding that was chosen"),
        ("unicode_escape", "does not know that encoding"),
        ("../../x", "does not know that encoding"),
    ],
)
def test_a_choice_that_does_not_fit_is_explained_and_the_question_stays(
    client_for: SignedIn, clerk: User, clinic: Clinic, chosen: str, said: str
) -> None:
    upload = held(clinic, clerk)
    response = client_for(clerk).post(page_of(upload), {"encoding": chosen})
    assert response.status_code == 400
    assert said in response.content.decode()
    upload.refresh_from_db()
    assert upload.status == Upload.Status.QUESTION


def test_a_hostile_line_is_shown_and_never_run(client_for: SignedIn, clerk: User, clinic: Clinic) -> None:
    page = client_for(clerk).get(page_of(held(clinic, clerk, "½ <script>alert(1)</script>".encode("cp1252"))))
    assert "&lt;script&gt;" in page.content.decode()
    assert "<script>alert" not in page.content.decode()


def test_a_discarded_question_leaves_no_file(
    client_for: SignedIn,
    clerk: User,
    clinic: Clinic,
    own_var: Path,
    django_capture_on_commit_callbacks: Callable[..., object],
) -> None:
    upload, client = held(clinic, clerk), client_for(clerk)
    client.post(page_of(upload), {"encoding": "cp437"})
    assert len(waiting_files(own_var)) == 2
    with django_capture_on_commit_callbacks(execute=True):  # type: ignore[attr-defined]
        client.post(reverse("records:upload_discard", args=[upload.uuid]))
    assert waiting_files(own_var) == []


def test_what_waits_on_the_disk_is_encrypted(
    client_for: SignedIn, clerk: User, clinic: Clinic, own_var: Path
) -> None:
    upload = held(clinic, clerk)
    client_for(clerk).post(page_of(upload), {"encoding": "cp1252"})
    for path in waiting_files(own_var):
        assert b"tablet" not in path.read_bytes()
        assert path.stat().st_mode & 0o077 == 0


def test_another_clinics_question_does_not_exist(
    client_for: SignedIn, clerk: User, bob: User, other_clinic: Clinic
) -> None:
    theirs, client = held(other_clinic, bob), client_for(clerk)
    assert client.get(page_of(theirs)).status_code == 404
    assert client.post(page_of(theirs), {"encoding": "cp1252"}).status_code == 404
    assert AuditEntry.objects.filter(outcome="DENY", actor=clerk, facts__wanted=str(theirs.uuid)).count() == 2
    theirs.refresh_from_db()
    assert theirs.status == Upload.Status.QUESTION


def test_who_may_not_upload_is_not_asked(
    client_for: SignedIn, client: Client, clinician: User, clerk: User, clinic: Clinic
) -> None:
    address = page_of(held(clinic, clerk))
    assert client.get(address).status_code == 302
    assert client_for(clinician).post(address, {"encoding": "cp1252"}).status_code == 403
    assert client_for(clerk).put(address).status_code == 405


def test_the_command_shows_the_ways_and_takes_the_one_that_is_named(clinic: Clinic, tmp_path: Path) -> None:
    file, out = tmp_path / "note.txt", StringIO()
    file.write_bytes(OLD)
    with pytest.raises(CommandError, match="name their --encoding"):
        call_command("import_records", str(file), stdout=out)
    assert "--encoding cp1252: Windows" in out.getvalue()
    assert "Took ½ tablet of 10 µg" in out.getvalue()
    assert not Upload.objects.exists()
    call_command("import_records", str(file), "--encoding", "cp1252", stdout=out)
    assert store.load_original(Record.objects.get()).source == NOTE


def test_a_note_on_the_file_is_shown_before_the_import(
    client_for: SignedIn, clerk: User, clinic: Clinic
) -> None:
    data = zip_of({"4417823/a.txt": b"Cough for two weeks.", "55/b.txt": b"No fever today."})
    upload, _ = uploads.receive_upload(clinic=clinic, user=clerk, name="notes.zip", data=data)
    page = client_for(clerk).get(reverse("records:upload_preview", args=[upload.uuid])).content.decode()
    assert "The folders in the archive were taken as patients" in page


def test_a_patient_s_number_is_stored_only_as_a_keyed_hash(
    clinic: Clinic, clerk: User, own_var: Path
) -> None:
    upload, _ = uploads.receive_upload(
        clinic=clinic, user=clerk, name="a.hl7", data=hl7_of("OBX|1|TX|||Seen today.").encode()
    )
    (record,) = uploads.confirm_upload(upload=upload, user=clerk).records
    assert record.patient_key == store.keyed_hash("patient", clinic, "patient", "4417823")
    assert "4417823" not in str(list(Record.objects.values()) + list(Upload.objects.values()))
    assert not any(b"4417823" in path.read_bytes() for path in own_var.rglob("*") if path.is_file())
