from django.urls import path

from dashboard import views

app_name = "dashboard"
urlpatterns = [
    path("", views.home, name="home"),
    path("records/<uuid:uuid>/lineage/", views.lineage, name="lineage"),
    path("records/<uuid:uuid>/erase/", views.erase_record, name="erase_record"),
    path("records/<uuid:uuid>/erase-patient/", views.erase_patient, name="erase_patient"),
]
