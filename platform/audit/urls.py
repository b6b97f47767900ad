from django.urls import path

from audit import staff_views, views

app_name = "audit"
urlpatterns = [
    path("log/", views.audit_log, name="log"),
    path("log/check/", views.check_chain, name="check"),
    path("members/", staff_views.members, name="members"),
    path("members/<uuid:uuid>/deactivate/", staff_views.deactivate, name="deactivate_member"),
    path("keys/", staff_views.tokens, name="tokens"),
    path("keys/<uuid:uuid>/revoke/", staff_views.revoke, name="revoke_token"),
    path("password/", staff_views.change_password, name="change_password"),
]
