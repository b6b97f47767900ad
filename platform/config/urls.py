from django.urls import include, path

from summaries.api import api

urlpatterns = [
    path("", include("dashboard.urls")),
    path("", include("accounts.urls")),
    path("audit/", include("audit.urls")),
    path("", include("records.urls")),
    path("", include("training.urls")),
    path("", include("summaries.urls")),
    path("api/v1/", api.urls),
]
handler403 = "dashboard.views.refused"
handler404 = "dashboard.views.not_found"
handler500 = "dashboard.views.broken"
