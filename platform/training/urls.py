from django.urls import path

from training import artifact_views, smaller_views, sweep_views, views

app_name = "training"
urlpatterns = [
    path("runs/", views.runs, name="runs"),
    path("runs/start/", views.start_run, name="start_run"),
    path("runs/machine/", views.machine_plan, name="machine_plan"),
    path("runs/<uuid:uuid>/", views.run, name="run"),
    path("runs/<uuid:uuid>/progress/", views.run_fragment, name="run_fragment"),
    path("runs/<uuid:uuid>/curve/", views.run_curve, name="run_curve"),
    path("runs/<uuid:uuid>/tokens/", views.run_tokens, name="run_tokens"),
    path("runs/<uuid:uuid>/cancel/", views.cancel_run, name="cancel_run"),
    path("runs/<uuid:uuid>/retry/", views.retry_run, name="retry_run"),
    path("runs/<uuid:uuid>/sizes/", smaller_views.sizes, name="sizes"),
    path("runs/<uuid:uuid>/sizes/start/", smaller_views.start_smaller, name="start_smaller"),
    path("sweeps/<uuid:uuid>/", sweep_views.sweep, name="sweep"),
    path("sweeps/<uuid:uuid>/table/", sweep_views.sweep_fragment, name="sweep_fragment"),
    path("sweeps/<uuid:uuid>/cancel/", sweep_views.cancel_sweep, name="cancel_sweep"),
    path("sweeps/<uuid:uuid>/keep/<uuid:run>/", sweep_views.keep_run, name="keep_run"),
    path("models/", views.artifacts, name="artifacts"),
    path("models/<uuid:uuid>/", artifact_views.artifact, name="artifact"),
    path("models/<uuid:uuid>/report/", artifact_views.artifact_report, name="artifact_report"),
    path(
        "models/<uuid:uuid>/evaluation.json", artifact_views.artifact_evaluation, name="artifact_evaluation"
    ),
    path("models/<uuid:uuid>/compare/", artifact_views.artifact_compare, name="artifact_compare"),
]
