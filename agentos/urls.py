"""The whole site is the browser's side; it has its own map."""

from django.urls import include, path

urlpatterns = [path("", include("sessions_ui.urls"))]
