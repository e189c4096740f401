"""The map of the site. Ids in paths are quoted by `agentos.catalog.keys.quote_id`."""

from django.contrib.auth.decorators import login_not_required
from django.urls import path
from django.views.generic import RedirectView

from sessions_ui.views import (
    arrivals,
    export,
    health,
    medium,
    overview,
    palette,
    preview,
    run,
    saved_views,
    search,
    selection,
    session,
    sessions,
    sign_in,
    things,
    tool_call,
    transfer,
    turns,
)

RUN = "sessions/<slug:source>/<str:qid>/runs/<str:qrun_id>/"
urlpatterns = [
    path("", RedirectView.as_view(pattern_name="sessions"), name="home"),
    path("overview/", overview.overview, name="overview"),
    path("sessions/", sessions.sessions, name="sessions"),
    path("sessions/complete/", sessions.complete, name="sessions_complete"),
    path("sessions/export/", export.export, name="sessions_export"),
    path("sessions/new/", arrivals.new, name="sessions_new"),
    path("sessions/selection/", selection.selection, name="sessions_selection"),
    path("sessions/<slug:source>/<str:qid>/", session.session, name="session"),
    path(RUN, run.run, name="run"),
    path(f"{RUN}tools/<int:number>/", tool_call.tool_call, name="tool_call"),
    path(f"{RUN}tools/<int:number>/<str:part>/", tool_call.text, name="tool_text"),
    path(f"{RUN}media/<int:number>/", medium.medium, name="medium"),
    path("sessions/<slug:source>/<str:qid>/turns/", turns.turn_create, name="turn_create"),
    path("sessions/<slug:source>/<str:qid>/preview/", preview.preview, name="preview"),
    path("sessions/<slug:source>/<str:qid>/export/", transfer.export, name="session_export"),
    path("import/", transfer.import_page, name="import"),
    path("views/", saved_views.views, name="views"),
    path("views/<int:view_id>/", saved_views.view, name="view"),
    path("users/", things.listed, {"kind": "user"}, name="users"),
    path("agents/", things.listed, {"kind": "component"}, name="agents"),
    path("tools/", things.listed, {"kind": "tool"}, name="tools"),
    path("models/", things.listed, {"kind": "model"}, name="models"),
    path("search/", search.search, name="search"),
    path("jump/", palette.jump, name="jump"),
    path("turns/<uuid:turn_id>/", turns.turn, name="turn"),
    path("turns/<uuid:turn_id>/events/", turns.turn_events, name="turn_events"),
    path("turns/<uuid:turn_id>/cancel/", turns.turn_cancel, name="turn_cancel"),
    path("turns/<uuid:turn_id>/retry/", turns.turn_retry, name="turn_retry"),
    path("sign-in/", sign_in.sign_in, name="sign_in"),
    path("sign-in/<str:token>/", sign_in.sign_in_link, name="sign_in_link"),
    path("sign-out/", sign_in.sign_out, name="sign_out"),
    path("livez", login_not_required(health.livez), name="livez"),
    path("readyz", login_not_required(health.readyz), name="readyz"),
]
