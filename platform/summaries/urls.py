from django.urls import path

from summaries import bundle_views, correction_views, explain_views, review_views, shadow_views, views

app_name = "summaries"
urlpatterns = [
    path("portal/", views.portal, name="portal"),
    path("portal/summarize/", views.summarize, name="summarize"),
    path("portal/stream/", views.stream, name="stream"),
    path("summaries/", review_views.summaries, name="summaries"),
    path("summaries/corrections/", correction_views.corrections, name="corrections"),
    path("summaries/corrections/hand-on/", correction_views.hand_on, name="hand_on"),
    path("summaries/<uuid:uuid>/", review_views.summary, name="summary"),
    path("summaries/<uuid:uuid>/edit/", review_views.save_edit, name="summary_edit"),
    path("summaries/<uuid:uuid>/decide/", review_views.decide, name="summary_decide"),
    path("summaries/<uuid:uuid>/reopen/", review_views.reopen, name="summary_reopen"),
    path("summaries/<uuid:uuid>/explanations/", explain_views.explanation, name="summary_explanation"),
    path("summaries/<uuid:uuid>/export/", review_views.export, name="summary_export"),
    path("models/<uuid:uuid>/deploy/", views.deploy, name="deploy"),
    path("models/<uuid:uuid>/bundle.zip", bundle_views.bundle, name="bundle"),
    path("models/roll-back/", shadow_views.roll_back, name="roll_back"),
    path("models/shadow/", shadow_views.shadow, name="shadow"),
    path("models/shadow/<uuid:uuid>/end/", shadow_views.end_shadow, name="shadow_end"),
    path(
        "models/shadow/<uuid:uuid>/corrections/",
        shadow_views.ask_of_corrections,
        name="shadow_corrections",
    ),
    path("models/<uuid:uuid>/shadow/", shadow_views.start_shadow, name="shadow_start"),
]
