"""Pages about people and keys. They write audit entries, so they live above accounts."""

from django.contrib import messages
from django.contrib.auth import update_session_auth_hash
from django.contrib.auth.forms import PasswordChangeForm, SetPasswordForm
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from accounts.access import Action, NotFoundInClinic, clinic_of, own_or_404, requires, user_of
from accounts.models import ApiToken, User
from audit import staff
from audit.forms import MemberForm, TokenForm


@requires(Action.MANAGE_ACCOUNTS)
@never_cache
@require_http_methods(["GET", "POST"])
def members(request: HttpRequest) -> HttpResponse:
    """The clinic's staff. A new member's one-time password is in the answer to the POST and nowhere else."""
    form = MemberForm(request.POST or None)
    added = password = None
    if request.method == "POST" and form.is_valid():
        added, password = staff.add_member(
            clinic=clinic_of(request),
            username=form.cleaned_data["username"],
            role=form.cleaned_data["role"],
            by=user_of(request),
        )
        form = MemberForm()
    everyone = clinic_of(request).memberships.select_related("user").order_by("user__username")
    context = {"memberships": everyone, "form": form, "added": added, "one_time_password": password}
    return render(request, "audit/members.html", context, status=400 if form.errors else 200)


@requires(Action.MANAGE_ACCOUNTS)
@require_POST
def deactivate(request: HttpRequest, uuid: str) -> HttpResponse:
    user = User.objects.filter(membership__clinic=clinic_of(request), uuid=uuid).first()
    if user is None:
        raise NotFoundInClinic
    if user == request.user:
        messages.error(request, "You cannot deactivate yourself. Another administrator can.")
    elif user.is_active:
        staff.deactivate_member(user=user, by=user_of(request))
        messages.success(request, f"{user.username} can no longer sign in.")
    return redirect("audit:members")


@requires(Action.MANAGE_ACCOUNTS)
@never_cache
@require_http_methods(["GET", "POST"])
def tokens(request: HttpRequest) -> HttpResponse:
    """The clinic's API keys. A new key is in the answer to the POST and nowhere else."""
    form = TokenForm(request.POST or None)
    key = None
    if request.method == "POST" and form.is_valid():
        key = form.issue(clinic=clinic_of(request), by=user_of(request))
        form = TokenForm()
    issued = ApiToken.objects.filter(clinic=clinic_of(request)).select_related("created_by")
    context = {"tokens": issued.order_by("-created_at"), "form": form, "key": key}
    return render(request, "audit/tokens.html", context, status=400 if form.errors else 200)


@requires(Action.MANAGE_ACCOUNTS)
@require_POST
def revoke(request: HttpRequest, uuid: str) -> HttpResponse:
    token = own_or_404(ApiToken.objects.select_related("clinic"), clinic_of(request), uuid)
    if token.revoked_at is None:
        staff.revoke_token(token=token, by=user_of(request))
        messages.success(request, f"The key “{token.name}” no longer works.")
    return redirect("audit:tokens")


@requires(Action.SIGNED_IN)
@never_cache
@require_http_methods(["GET", "POST"])
def change_password(request: HttpRequest) -> HttpResponse:
    user = user_of(request)
    # Whoever has just typed a one-time password need not type it again; anyone else proves to be no passer-by.
    kind = SetPasswordForm if user.must_change_password else PasswordChangeForm
    form = kind(user, request.POST or None)
    if request.method == "POST" and form.is_valid():
        staff.change_password(user=user, password=form.cleaned_data["new_password1"])
        update_session_auth_hash(request, user)
        messages.success(request, "Your new password is set.")
        return redirect("dashboard:home")
    return render(request, "audit/change_password.html", {"form": form}, status=400 if form.errors else 200)
