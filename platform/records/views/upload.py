from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.access import Action, clinic_of, own_or_404, requires, user_of
from records import readers
from records.models import Upload
from records.services import uploads

ROWS_SHOWN = 20
FIELDS_SHOWN = {
    "target": "Summary",
    "patient": "Patient",
    "kind": "Kind of record",
    "section": "Section",
}


@requires(Action.UPLOAD_RECORDS)
@require_http_methods(["GET", "POST"])
def upload(request: HttpRequest) -> HttpResponse:
    if request.method != "POST":
        return _upload_page(request)
    file = request.FILES.get("file")
    if request.META.get("precis.too_large") or (file and (file.size or 0) > settings.MAX_UPLOAD_BYTES):
        limit = settings.MAX_UPLOAD_BYTES // 1024**2
        return _upload_page(
            request, f"The file is larger than {limit} MB. Split it and upload the parts.", 413
        )
    if file is None:
        return _upload_page(request, "Choose a file first, then press “Upload”.", 400)
    sent: dict[str, Any] = {
        "clinic": clinic_of(request),
        "user": user_of(request),
        "name": file.name or "",
        "data": file.read(),
    }
    file.close()  # the copy in memory is enough
    try:
        received, _ = uploads.receive_upload(**sent)
    except readers.EncodingUnknown:
        return redirect("records:upload_encoding", uploads.hold_upload(**sent).uuid)
    except readers.UnreadableFile as error:
        return _upload_page(request, str(error), 400)
    return redirect("records:upload_preview", received.uuid)


@requires(Action.UPLOAD_RECORDS)
@never_cache
@require_http_methods(["GET", "POST"])
def encoding(request: HttpRequest, uuid: str) -> HttpResponse:
    """Ask how the text is encoded, by showing the same lines read in each way that fits."""
    waiting = _own_upload(request, uuid)
    error, chosen = "", request.POST.get("encoding", "")
    try:
        if request.method == "POST" and chosen:
            uploads.choose_encoding(upload=waiting, user=user_of(request), encoding=chosen)
            return redirect("records:upload_preview", waiting.uuid)
    except readers.UnreadableFile as refusal:
        error = str(refusal)
    except uploads.UploadClosed:
        return _closed(request)
    if request.method == "POST" and not chosen:
        error = "Choose the row in which every sign is right, then press “Read it this way”."
    try:
        choices = uploads.encoding_choices(waiting)
    except uploads.UploadClosed:
        return _closed(request)
    context = {"upload": waiting, "choices": choices, "error": error}
    return render(request, "records/encoding.html", context, status=400 if error else 200)


@requires(Action.UPLOAD_RECORDS)
@never_cache
@require_safe
def preview(request: HttpRequest, uuid: str) -> HttpResponse:
    waiting = _own_upload(request, uuid)
    if waiting.status == Upload.Status.QUESTION:
        return redirect("records:upload_encoding", waiting.uuid)
    try:
        head, rows = uploads.preview_upload(waiting, ROWS_SHOWN)
    except uploads.UploadClosed:
        return _closed(request)
    columns = [label for field, label in FIELDS_SHOWN.items() if field in head.fields]
    context = {
        "upload": waiting,
        "rows": rows,
        "errors": head.errors,
        "notes": head.notes,
        "columns": ["Record", *columns],
        "missing": [label for label in FIELDS_SHOWN.values() if label not in columns],
    }
    return render(request, "records/preview.html", context)


@requires(Action.UPLOAD_RECORDS)
@require_POST
def confirm(request: HttpRequest, uuid: str) -> HttpResponse:
    waiting = _own_upload(request, uuid)
    try:
        imported = uploads.confirm_upload(upload=waiting, user=user_of(request))
    except uploads.UploadClosed:
        return _closed(request)
    known = len(imported.records) - imported.created
    text = f"{imported.created:,} new record{'' if imported.created == 1 else 's'} imported."
    if known:
        text += f" {known:,} of the file's records were here already and were not imported again."
    if imported.near_duplicates:
        text += f" {imported.near_duplicates:,} say almost the same as another record; the list names which."
    messages.success(request, text)
    return redirect("records:list")


@requires(Action.UPLOAD_RECORDS)
@require_POST
def discard(request: HttpRequest, uuid: str) -> HttpResponse:
    uploads.discard_upload(upload=_own_upload(request, uuid), user=user_of(request))
    messages.info(request, "The file was discarded. Nothing of it is kept.")
    return redirect("records:upload")


def _own_upload(request: HttpRequest, uuid: str) -> Upload:
    return own_or_404(Upload.objects.select_related("clinic"), clinic_of(request), uuid)


def _closed(request: HttpRequest) -> HttpResponse:
    messages.info(request, "That file was imported or discarded already.")
    return redirect("records:list")


def _upload_page(request: HttpRequest, error: str = "", status: int = 200) -> HttpResponse:
    context = {
        "error": error,
        "limit_bytes": settings.MAX_UPLOAD_BYTES,
        "suffixes": ",".join(readers.READERS),
    }
    return render(request, "records/upload.html", context, status=status)
