"""Uploading: the file is read, shown, and imported or discarded."""

from collections.abc import Callable

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from accounts.models import Clinic, User
from audit.models import AuditEntry
from records.models import Record, Upload
from records.services import uploads

SignedIn = Callable[[User], Client]
CSV = b"text,summary,patient\nThe cough has lasted two weeks.,Cough for two weeks.,P1\nshort,row\nNo fever today.,,P2\n"


def send(client: Client, name: str = "notes.csv", data: bytes = CSV) -> object:
    return client.post(reverse("records:upload"), {"file": SimpleUploadedFile(name, data)})


def waiting(clinic: Clinic, user: User, data: bytes = CSV) -> Upload:
    upload, _ = uploads.receive_upload(clinic=clinic, user=user, name="notes.csv", data=data)
    return upload


def test_the_page_says_what_may_be_uploaded(client_for: SignedIn, clerk: User) -> None:
    page = client_for(clerk).get(reverse("records:upload")).content.decode()
    assert 'accept=".txt,.md,.csv,' in page
    assert "20.0\xa0MB" in page


def test_a_file_leads_to_its_preview_and_nothing_is_imported_yet(client_for: SignedIn, clerk: User) -> None:
    client = client_for(clerk)
    response = send(client)
    upload = Upload.objects.get()
    assert response.headers["Location"] == reverse("records:upload_preview", args=[upload.uuid])  # type: ignore[attr-defined]
    preview = client.get(reverse("records:upload_preview", args=[upload.uuid]))
    page = preview.content.decode()
    assert "The cough has lasted two weeks." in page
    assert "<strong>Row 3:</strong>" in page
    assert "Import 2 records" in page
    assert "Found: Record, Summary, Patient." in page
    assert "no-store" in preview.headers["Cache-Control"]
    assert not Record.objects.exists()


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        ("photo.png", b"\x89PNG", "can show who the patient is"),
        ("note.txt", b"\x89PNG\r\n\x1a\n", "can show who the patient is"),
        ("note.pdf", b"%PDF", "The file is damaged"),
        ("notes.csv", b"", "The file is empty"),
        ("notes.csv", b"a,b\n1,2\n", "must name the columns"),
        ("notes.csv", b'text\n"never closed\n', "a quotation mark is missing"),
        ("note.txt", b"\xff\xfa\x00", "so it is not a text file"),
    ],
)
def test_an_unreadable_file_is_explained_and_not_kept(
    client_for: SignedIn, clerk: User, name: str, data: bytes, said: str
) -> None:
    response = send(client_for(clerk), name, data)
    assert response.status_code == 400  # type: ignore[attr-defined]
    assert said in response.content.decode()  # type: ignore[attr-defined]
    assert not Upload.objects.exists()


def test_no_file_at_all_is_explained(client_for: SignedIn, clerk: User) -> None:
    response = client_for(clerk).post(reverse("records:upload"))
    assert response.status_code == 400
    assert "Choose a file first" in response.content.decode()


@pytest.mark.parametrize("megabytes", [1.5, 4])
def test_a_file_above_the_limit_is_refused_with_its_limit(
    clerk: User, settings: pytest.FixtureRequest, megabytes: float
) -> None:
    settings.MAX_UPLOAD_BYTES = 1024**2  # type: ignore[attr-defined]
    client = Client(enforce_csrf_checks=True)
    client.force_login(clerk)
    client.get(reverse("records:upload"))
    data = b"x" * int(megabytes * 1024**2)
    token = {"csrfmiddlewaretoken": client.cookies["csrftoken"].value}
    response = client.post(reverse("records:upload"), {**token, "file": SimpleUploadedFile("note.txt", data)})
    assert response.status_code == 413
    assert "larger than 1 MB" in response.content.decode()
    assert not Upload.objects.exists()


def test_a_text_of_50_mb_is_refused_by_the_default_limit(client_for: SignedIn, clerk: User) -> None:
    file = SimpleUploadedFile("note.txt", b"cough " * (50 * 1024**2 // 6))
    response = client_for(clerk).post(reverse("records:upload"), {"file": file})
    assert response.status_code == 413
    assert "larger than 20 MB" in response.content.decode()
    assert not Upload.objects.exists()


def test_a_hostile_text_is_shown_and_never_run(client_for: SignedIn, clerk: User, clinic: Clinic) -> None:
    upload = waiting(clinic, clerk, b"text,patient\n<script>alert(1)</script>,<img src=x onerror=y>\n")
    page = client_for(clerk).get(reverse("records:upload_preview", args=[upload.uuid])).content.decode()
    assert "&lt;script&gt;alert(1)" in page
    assert "<img src=x" not in page
    assert "<script>alert" not in page


def test_text_that_no_page_can_show_is_refused_as_a_row_error(client_for: SignedIn, clerk: User) -> None:
    client = client_for(clerk)
    response = client.post(
        reverse("records:upload"),
        {"file": SimpleUploadedFile("n.jsonl", b'{"text": "half \\ud83d a pair"}')},
        follow=True,
    )
    assert response.status_code == 200
    assert "No record could be read" in response.content.decode()


def test_importing_makes_records_once_and_has_them_scrubbed(
    client_for: SignedIn,
    clerk: User,
    clinic: Clinic,
    sent: list[tuple[str, str]],
    django_capture_on_commit_callbacks: Callable[..., object],
) -> None:
    upload = waiting(clinic, clerk)
    client = client_for(clerk)
    address = reverse("records:upload_confirm", args=[upload.uuid])
    with django_capture_on_commit_callbacks(execute=True):  # type: ignore[attr-defined]
        page = client.post(address, follow=True).content.decode()
    assert "2 new records imported." in page
    assert "2 records are still waiting" in page
    assert sent == [("scrub_upload", str(upload.uuid))]
    again = client.post(address, follow=True).content.decode()
    assert "imported or discarded already" in again
    assert Record.objects.count() == 2
    assert AuditEntry.objects.filter(action="import_records", actor=clerk).count() == 1


def test_records_that_were_here_already_are_said_to_be(
    client_for: SignedIn, clerk: User, clinic: Clinic
) -> None:
    uploads.confirm_upload(upload=waiting(clinic, clerk), user=clerk)
    second = waiting(clinic, clerk)
    page = client_for(clerk).post(reverse("records:upload_confirm", args=[second.uuid]), follow=True)
    assert "0 new records imported. 2 of the file" in page.content.decode()


def test_a_discarded_file_is_gone(client_for: SignedIn, clerk: User, clinic: Clinic) -> None:
    upload = waiting(clinic, clerk)
    client = client_for(clerk)
    assert client.post(reverse("records:upload_discard", args=[upload.uuid])).status_code == 302
    upload.refresh_from_db()
    assert upload.status == Upload.Status.DISCARDED
    preview = client.get(reverse("records:upload_preview", args=[upload.uuid]))
    assert preview.headers["Location"] == reverse("records:list")


def test_a_file_without_a_usable_row_cannot_be_imported(
    client_for: SignedIn, clerk: User, clinic: Clinic
) -> None:
    upload = waiting(clinic, clerk, b"text,summary\none,two three four\n")
    page = client_for(clerk).get(reverse("records:upload_preview", args=[upload.uuid])).content.decode()
    assert "The summary is longer than its record" in page
    assert "Import" not in page.partition("<main")[2]


@pytest.mark.parametrize("name", ["upload_preview", "upload_confirm", "upload_discard"])
def test_another_clinics_upload_does_not_exist(
    client_for: SignedIn, clerk: User, bob: User, other_clinic: Clinic, name: str
) -> None:
    theirs = waiting(other_clinic, bob)
    client = client_for(clerk)
    call = client.get if name == "upload_preview" else client.post
    assert call(reverse(f"records:{name}", args=[theirs.uuid])).status_code == 404
    assert AuditEntry.objects.filter(outcome="DENY", actor=clerk, facts__wanted=str(theirs.uuid)).count() == 1
    theirs.refresh_from_db()
    assert theirs.status == Upload.Status.PREVIEW


@pytest.mark.parametrize(
    ("name", "method"), [("upload_preview", "post"), ("upload_confirm", "get"), ("upload_discard", "get")]
)
def test_the_wrong_method_changes_nothing(
    client_for: SignedIn, clerk: User, clinic: Clinic, name: str, method: str
) -> None:
    upload = waiting(clinic, clerk)
    assert (
        getattr(client_for(clerk), method)(reverse(f"records:{name}", args=[upload.uuid])).status_code == 405
    )


@pytest.mark.parametrize("name", ["upload", "upload_preview", "upload_confirm", "upload_discard"])
def test_a_clinician_may_not_upload(
    client_for: SignedIn, client: Client, clinician: User, clerk: User, clinic: Clinic, name: str
) -> None:
    arguments = [] if name == "upload" else [waiting(clinic, clerk).uuid]
    address = reverse(f"records:{name}", args=arguments)
    assert client.post(address).status_code == 302
    assert client_for(clinician).post(address).status_code == 403
    assert AuditEntry.objects.filter(outcome="DENY", actor=clinician, action=f"records:{name}").count() == 1
