"""The state of the list as its URL says it: what is asked for, in which order, in which columns."""

from dataclasses import dataclass, replace
from typing import Final

from django.http import HttpRequest, QueryDict

from agentos.catalog.paging import DEFAULT_SORT, clean_sort
from agentos.catalog.query.listing import ListQuery
from sessions_ui.presenters.columns import DEFAULT_COLUMNS, clean_columns

DENSITIES: Final = ("compact", "comfortable")


@dataclass(frozen=True)
class ListState:
    """What is listed and how. `density` is "" where the URL does not name one; `remembered` is the browser's."""

    query: ListQuery
    sort: str = DEFAULT_SORT
    columns: tuple[str, ...] = DEFAULT_COLUMNS
    density: str = ""
    remembered: str = ""

    @classmethod
    def of(cls, request: HttpRequest) -> "ListState":
        """Read the request; what it says that is not known is left out."""
        said, kept = request.GET.get("density", ""), request.COOKIES.get("density", "")
        return cls(
            ListQuery.from_url(request.GET),
            clean_sort(request.GET.get("sort", "")),
            clean_columns(request.GET.getlist("columns")),
            said if said in DENSITIES else "",
            kept if kept in DENSITIES else "",
        )

    @property
    def shown_density(self) -> str:
        """How high the rows are."""
        return self.density or self.remembered or DENSITIES[0]

    @property
    def chosen_columns(self) -> str:
        """The columns as the URL names them, "" for the usual ones."""
        return "" if self.columns == DEFAULT_COLUMNS else ",".join(self.columns)

    def asking(self, query: ListQuery) -> "ListState":
        """Return the same list of another query."""
        return replace(self, query=query)

    def url(self, after: str | None = None) -> str:
        """Return the URL's query that shows the list in this state: always the same for the same state."""
        url = QueryDict(mutable=True)
        url.setlist("q", [text for text in (self.query.text, *(one.text for one in self.query.broken)) if text])
        named = (("columns", self.chosen_columns), ("density", self.density), ("after", after))
        for name, value in (("sort", "" if self.sort == DEFAULT_SORT else self.sort), *named):
            if value:
                url[name] = value
        return f"?{url.urlencode()}"
