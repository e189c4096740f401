"""The whole site is the browser's side; it has its own map."""

from django.urls import include, path

urlpatterns = [path("", include("sessions_ui.urls"))]

handler400 = "sessions_ui.views.errors.bad_request"
handler403 = "sessions_ui.views.errors.forbidden"
handler404 = "sessions_ui.views.errors.not_found"
