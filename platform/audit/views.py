from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from accounts.access import Action, clinic_of, requires
from audit import log
from audit.models import AuditEntry

ENTRIES_A_PAGE = 50
FAULTS_SHOWN = 5


@requires(Action.VIEW_AUDIT)
@require_safe
def audit_log(request: HttpRequest) -> HttpResponse:
    everything = AuditEntry.objects.filter(clinic=clinic_of(request))
    wanted = request.GET.get("action", "")
    entries = everything.filter(action=wanted) if wanted else everything
    context = {
        "page": Paginator(entries, ENTRIES_A_PAGE).get_page(request.GET.get("page")),
        "actions": everything.order_by("action").values_list("action", flat=True).distinct(),
        "wanted": wanted,
    }
    return render(request, "audit/log.html", context)


@requires(Action.VIEW_AUDIT)
@require_POST
def check_chain(request: HttpRequest) -> HttpResponse:
    """Recompute every entry's MAC: seconds for tens of thousands, so only when somebody asks."""
    faults = log.faults(clinic_of(request))
    if faults:
        named = "; ".join(faults[:FAULTS_SHOWN])
        messages.error(
            request,
            f"The log is not as it was written ({len(faults)} faults: {named}). "
            "Tell your privacy officer before anything else, and do not restart or repair the machine.",
        )
    else:
        messages.success(request, "The chain is whole: every entry is as it was written.")
    return redirect("audit:log")
