from typing import Any

from django.contrib.auth.views import LoginView
from django.utils.decorators import method_decorator
from django.views.decorators.cache import never_cache

from accounts.forms import SignInForm


@method_decorator(never_cache, name="dispatch")
class SignIn(LoginView):
    """The only page, with its opposite, that opens to someone who is not signed in."""

    template_name = "accounts/sign_in.html"
    authentication_form = SignInForm
    redirect_authenticated_user = True

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(timed_out="timeout" in self.request.GET, **kwargs)
