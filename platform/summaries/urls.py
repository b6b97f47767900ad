from django.urls import path

from summaries import views

app_name = "summaries"
urlpatterns = [
    path("portal/", views.portal, name="portal"),
    path("portal/summarize/", views.summarize, name="summarize"),
    path("summaries/", views.summaries, name="summaries"),
    path("summaries/<uuid:uuid>/", views.summary, name="summary"),
    path("models/<uuid:uuid>/deploy/", views.deploy, name="deploy"),
]
