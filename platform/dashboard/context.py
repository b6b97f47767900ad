"""What every page knows: the parts of Precis that the signed-in person's role opens."""

from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest
from django.urls import reverse

from accounts.access import Action, may

# (label, URL name, who sees it). The order is the order of the work.
PAGES = [
    ("Home", "dashboard:home", Action.SIGNED_IN),
    ("Summarize", "summaries:portal", Action.SUMMARIZE),
    ("Summaries", "summaries:summaries", Action.SUMMARIZE),
    ("Upload", "records:upload", Action.UPLOAD_RECORDS),
    ("Records", "records:list", Action.VIEW_RECORDS),
    ("Corrections", "summaries:corrections", Action.UPLOAD_RECORDS),
    ("Review", "records:next_review", Action.REVIEW_RECORDS),
    ("Datasets", "records:datasets", Action.VIEW_DATASETS),
    ("Training runs", "training:runs", Action.VIEW_MODELS),
    ("Models", "training:artifacts", Action.VIEW_MODELS),
    ("Audit log", "audit:log", Action.VIEW_AUDIT),
    ("Privacy policy", "records:policy", Action.CHANGE_PRIVACY_POLICY),
    ("Staff", "audit:members", Action.MANAGE_ACCOUNTS),
    ("API keys", "audit:tokens", Action.MANAGE_ACCOUNTS),
]


@dataclass(frozen=True)
class MenuItem:
    label: str
    url: str
    is_active: bool


def navigation(request: HttpRequest) -> dict[str, Any]:
    """The menu. The active item is the one whose address this page's begins with, the longest if several do."""
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated:
        return {}
    links = [(label, reverse(name)) for label, name, action in PAGES if may(user, action)]
    active = max((url for _, url in links if _leads_to(url, request.path)), key=len, default="")
    return {"navigation": [MenuItem(label, url, url == active) for label, url in links]}


def _leads_to(url: str, path: str) -> bool:
    return path == url or (url != "/" and path.startswith(url))
