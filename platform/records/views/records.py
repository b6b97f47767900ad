import re

from django.core.paginator import Paginator
from django.db.models import Count, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from accounts.access import Action, clinic_of, own_or_404, requires, user_of
from accounts.models import Clinic
from records import store
from records.highlight import legend, pieces
from records.models import Field, Record, Redaction
from records.services.review import open_record, open_scrubbed

RECORDS_A_PAGE = 50
UNREAD = {Record.Status.RECEIVED, Record.Status.QUARANTINED, Record.Status.ERASED}


@requires(Action.VIEW_RECORDS)
@require_safe
def record_list(request: HttpRequest) -> HttpResponse:
    everything = Record.objects.filter(clinic=clinic_of(request)).select_related("near_duplicate_of")
    status, search = request.GET.get("status", ""), request.GET.get("number", "").strip()
    found = everything.filter(status=status) if status in Record.Status.values else everything
    if search:
        found = _numbered(found, search)
    context = {
        "page": Paginator(found, RECORDS_A_PAGE).get_page(request.GET.get("page")),
        "filters": _filters(everything),
        "status": status,
        "search": search,
        "waiting": _waiting_for_scrub(clinic_of(request)),
    }
    return render(request, "records/list.html", context)


@requires(Action.VIEW_RECORDS)
@require_safe
def scrub_progress(request: HttpRequest) -> HttpResponse:
    """The fragment that the list asks for every other second while records are being scrubbed."""
    context = {"waiting": _waiting_for_scrub(clinic_of(request)), "was_polled": True}
    return render(request, "records/_scrub_progress.html", context)


@requires(Action.VIEW_RECORDS)
@never_cache
@require_safe
def record(request: HttpRequest, uuid: str) -> HttpResponse:
    records = Record.objects.select_related("clinic", "reviewed_by", "upload", "near_duplicate_of")
    shown = own_or_404(records, clinic_of(request), uuid)
    context = {"record": shown, "as_scrubbed": request.GET.get("text") == "scrubbed"}
    if shown.status in UNREAD:
        return render(request, "records/unread.html", context)
    if not store.has_original(shown):
        texts = open_scrubbed(record=shown, user=user_of(request))
        context |= {"is_original_gone": True, "as_scrubbed": True}
        context |= {"source": pieces(texts.source, []), "target": pieces(texts.target, [])}
        return render(request, "records/record.html", context)
    opened = open_record(record=shown, user=user_of(request))
    standing = [each for each in opened.redactions if each.verdict != Redaction.Verdict.REJECTED]
    texts = opened.scrubbed if context["as_scrubbed"] else opened.original
    marks = [] if context["as_scrubbed"] else standing
    context |= {
        "source": pieces(texts.source, [each for each in marks if each.field == Field.SOURCE]),
        "target": pieces(texts.target, [each for each in marks if each.field == Field.TARGET]),
        "legend": legend(standing),
        "hidden": len(standing),
    }
    return render(request, "records/record.html", context)


def _numbered(records: QuerySet[Record], search: str) -> QuerySet[Record]:
    """Records of that number, however it is written: R-000123, r123 or 123."""
    match = re.fullmatch(r"(?:R-?)?0*(\d{1,9})", search, re.IGNORECASE)
    return records.filter(number=int(match[1])) if match else records.none()


def _filters(records: QuerySet[Record]) -> list[tuple[str, str, int]]:
    counts = dict(records.order_by().values_list("status").annotate(number=Count("pk")))
    return [("", "All", sum(counts.values()))] + [
        (value, label, counts.get(value, 0)) for value, label in Record.Status.choices
    ]


def _waiting_for_scrub(clinic: Clinic) -> int:
    return Record.objects.filter(clinic=clinic, status=Record.Status.RECEIVED).count()
