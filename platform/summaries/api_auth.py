"""The key of the clinic's other software: ``Authorization: Bearer precis_…``, with the scope that a route asks for."""

from django.http import HttpRequest
from ninja.security import HttpBearer

from accounts.models import ApiToken, Scope
from accounts.tokens import admit


class TokenAuth(HttpBearer):
    """Raises ``ScopeMissing`` and ``RateLimited``, which the API's handlers explain."""

    def __init__(self, scope: Scope) -> None:
        super().__init__()
        self._scope = scope

    def authenticate(self, request: HttpRequest, token: str) -> ApiToken | None:
        return admit(token, self._scope)


def token_of(request: HttpRequest) -> ApiToken:
    token: ApiToken = request.auth  # type: ignore[attr-defined]
    return token
