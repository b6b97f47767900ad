from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from accounts.access import Action, clinic_of, requires, user_of
from records.forms import PolicyForm
from records.models import PrivacyPolicy
from records.services.policy import change_policy


@requires(Action.CHANGE_PRIVACY_POLICY)
@require_http_methods(["GET", "POST"])
def policy(request: HttpRequest) -> HttpResponse:
    current = PrivacyPolicy.of(clinic_of(request))
    form = PolicyForm(request.POST if request.method == "POST" else None, policy=current)
    if form.is_bound and form.is_valid():
        change_policy(clinic=clinic_of(request), user=user_of(request), **form.changes)
        messages.success(request, "The privacy policy is changed.")
        return redirect("records:policy")
    return render(request, "records/policy.html", {"form": form}, status=400 if form.errors else 200)
