"""Records that were set aside: scrub them again, once what was wrong is put right."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from accounts.access import Action, clinic_of, own_or_404, requires, user_of
from records.models import Record
from records.services import scrubbing


@requires(Action.REVIEW_RECORDS)
@require_POST
def scrub_again(request: HttpRequest, uuid: str) -> HttpResponse:
    record = own_or_404(Record.objects.all(), clinic_of(request), uuid)
    if scrubbing.scrub_again(clinic=clinic_of(request), user=user_of(request), record=record):
        messages.success(request, f"{record.label} will be scrubbed again, usually within a minute.")
    else:
        messages.info(request, f"{record.label} is not set aside any more.")
    return redirect("records:record", record.uuid)


@requires(Action.REVIEW_RECORDS)
@require_POST
def scrub_all_again(request: HttpRequest) -> HttpResponse:
    count = scrubbing.scrub_again(clinic=clinic_of(request), user=user_of(request))
    if count:
        messages.success(request, f"{count:,} record{'' if count == 1 else 's'} will be scrubbed again.")
    else:
        messages.info(request, "No record is set aside.")
    return redirect("records:list")
