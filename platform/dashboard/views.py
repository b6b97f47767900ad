from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import get_template
from django.views.decorators.http import require_safe

from accounts.access import Action, clinic_of, requires, user_of
from dashboard.overview import next_step, overview


@requires(Action.SIGNED_IN)
@require_safe
def home(request: HttpRequest) -> HttpResponse:
    numbers = overview(clinic_of(request))
    context = {"numbers": numbers, "step": next_step(numbers, user_of(request))}
    return render(request, "dashboard/home.html", context)


def refused(request: HttpRequest, exception: Exception) -> HttpResponse:
    return render(request, "errors/403.html", status=403)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    return render(request, "errors/404.html", status=404)


def broken(request: HttpRequest) -> HttpResponse:
    # Without the request: whatever broke may break the menu and the session too.
    return HttpResponse(get_template("errors/500.html").render(), status=500)
