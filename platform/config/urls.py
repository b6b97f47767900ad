from django.urls import include, path

from summaries.api import api
from summaries.openai_api import api as openai_api

urlpatterns = [
    path("", include("dashboard.urls")),
    path("", include("accounts.urls")),
    path("audit/", include("audit.urls")),
    path("", include("records.urls")),
    path("", include("training.urls")),
    path("", include("summaries.urls")),
    path("api/v1/", api.urls),
    # Where OpenAI's clients look for it.
    path("v1/", openai_api.urls),
]
handler403 = "dashboard.views.refused"
handler404 = "dashboard.views.not_found"
handler500 = "dashboard.views.broken"
