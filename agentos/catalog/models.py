"""The catalog's tables. Everything in them is derived from a source and can be made anew (`manage.py sync --rebuild`).

No payload is here: texts are bounded, so every list, facet and count reads narrow rows.
"""

from collections.abc import Sequence

from django.db import models
from django.db.models.functions import Substr

from agentos.catalog.fields import IdField
from agentos.catalog.keys import index_key, quote_id
from agentos.catalog.marks import LISTED
from agentos.catalog.paging import SORTS
from agentos.catalog.queries import SessionQuerySet
from agentos.catalog.query.component_names import INDEXED
from agentos.catalog.rollup_models import (  # noqa: F401  # Django looks for models here
    CatalogDay,
    CatalogHour,
    CatalogStale,
    CatalogThing,
    RollupState,
)
from agentos.catalog.terms import TERM_CHARACTERS
from agentos.catalog.text.extract import Part

TITLE_CHARACTERS = 300
PREVIEW_CHARACTERS = 200
# What counts over sessions are made from.
COUNTED = ("source", "session_type", "last_status", "component_key", "user_key", "error_count", "aside")
COUNTED_OF = {key: [name for name in COUNTED if name != key] for key in ("user_key", "component_key")}
# The orders of lists, besides that by the last update, with their columns; and those of one user or component.
ORDERS = {name: column for name, column in SORTS.items() if name != "updated"}
PAIRED = (
    ("user", "created"), ("user", "tokens"), ("user", "cost"), ("component", "created"), ("component", "tokens"),
    ("component", "cost"),
)  # fmt: skip


class CatalogSession(models.Model):
    """One session of a source.

    Times are unix seconds, 0 when the source holds none. Token counts, cost and duration are null when unknown.
    `masked_by`: by which choice of administrators its texts are masked, null for none (`masking/config.py`).
    `computed_cost`: how much of `cost` follows from the price table (`pricing.py`), null for nothing.
    `marks` is what people put over it (`marks.Marks`), `aside` where it therefore stands: LISTED, ARCHIVED …
    """

    source = models.CharField(max_length=64)
    session_id = IdField()
    session_key = models.CharField(max_length=200)
    session_type = models.CharField(max_length=40)
    component_id = IdField(null=True)
    component_key = models.CharField(max_length=200, null=True)
    component_name = models.TextField(null=True)
    user_id = IdField(null=True)
    user_key = models.CharField(max_length=200, null=True)
    title = models.CharField(max_length=TITLE_CHARACTERS)
    session_name = models.TextField(null=True)
    preview = models.CharField(max_length=PREVIEW_CHARACTERS)
    model = models.TextField(null=True)
    last_status = models.CharField(max_length=40)
    created_at = models.BigIntegerField(default=0)
    updated_at = models.BigIntegerField(default=0)
    run_count = models.IntegerField(default=0)
    top_level_run_count = models.IntegerField(default=0)
    forest_run_count = models.IntegerField(default=0)
    message_count = models.IntegerField(default=0)
    own_message_count = models.IntegerField(default=0)
    tool_call_count = models.IntegerField(default=0)
    tool_error_count = models.IntegerField(default=0)
    error_count = models.IntegerField(default=0)
    input_tokens = models.BigIntegerField(null=True)
    output_tokens = models.BigIntegerField(null=True)
    total_tokens = models.BigIntegerField(null=True)
    cost = models.FloatField(null=True)
    computed_cost = models.FloatField(null=True)
    duration = models.FloatField(null=True)
    cached_tokens = models.BigIntegerField(null=True)
    member_run_count = models.IntegerField(default=0)
    step_count = models.IntegerField(default=0)
    tool_calls_by_name = models.JSONField(default=dict)
    tool_failures = models.JSONField(default=dict)
    run_strip = models.JSONField(default=list)
    has_summary = models.BooleanField(default=False)
    topics = models.JSONField(default=list)
    tags = models.JSONField(default=list)
    health = models.JSONField(default=list)
    stored_bytes = models.BigIntegerField(default=0)
    media_bytes = models.BigIntegerField(default=0)
    media_count = models.IntegerField(null=True)
    history_bytes = models.BigIntegerField(default=0)
    problem = models.TextField(default="")
    mark = models.TextField()
    masked_by = models.CharField(max_length=32, null=True)
    marks = models.JSONField(default=dict)
    aside = models.SmallIntegerField(default=LISTED)
    seen_pass = models.IntegerField(default=0)
    indexed_at = models.DateTimeField(auto_now=True)
    # Whether who asked for this row may see its secrets; not stored. The row's own texts are masked in any case.
    shows_secrets: bool = False

    objects = SessionQuerySet.as_manager()

    class Meta:
        """One row for each session; an index for each order that lists are commonly read in."""

        constraints = [models.UniqueConstraint(fields=["source", "session_key"], name="catalog_one_row_a_session")]
        indexes = [
            # What facets count stands in the indexes by which their rows are found, so that counting reads no row.
            models.Index(fields=["updated_at", "id", *COUNTED], name="catalog_updated"),
            models.Index(fields=["user_key", "updated_at", "id", *COUNTED_OF["user_key"]], name="catalog_user"),
            models.Index(
                fields=["component_key", "updated_at", "id", *COUNTED_OF["component_key"]], name="catalog_component"
            ),
            models.Index(fields=["last_status", "updated_at", "id"], name="catalog_status"),
            models.Index(fields=["indexed_at", "id"], name="catalog_derived"),
            models.Index(Substr("component_name", 1, INDEXED), "component_key", name="catalog_named"),
            *(models.Index(fields=[column, "id"], name=f"catalog_by_{name}") for name, column in ORDERS.items()),
            *(
                models.Index(fields=[f"{of}_key", ORDERS[name], "id"], name=f"catalog_{of}_{name}")
                for of, name in PAIRED
            ),
        ]

    def __str__(self) -> str:
        """Where it is."""
        return f"{self.source}/{self.session_id[:80]}"

    @property
    def quoted_id(self) -> str:
        """The session id as it stands in URLs."""
        return quote_id(self.session_id)

    @property
    def component(self) -> str:
        """What to call the agent, team or workflow; "" when nothing is known of it."""
        return self.component_name or self.component_id or ""


class CatalogRun(models.Model):
    """One run of a session's forest, in its place: `ordinal` counts depth first, from 0.

    `stored` runs have an entry or row of their own at `position` of Agno's order; others are inside the run
    `container_run_id`, in the stored run at `position`. Times are unix seconds and seconds. `step_count`: a workflow's.
    `usage`: lines of `records.usage`, by model and role. `cost` is `told_cost`, what the provider told, or else follows
    from the price table. `first_token`: seconds.
    """

    session = models.ForeignKey(CatalogSession, models.CASCADE, related_name="runs")
    ordinal = models.IntegerField()
    root_ordinal = models.IntegerField()
    depth = models.IntegerField(default=0)
    run_id = IdField(null=True)
    run_key = models.CharField(max_length=200, null=True)
    stored = models.BooleanField(default=True)
    position = models.IntegerField()
    container_run_id = IdField(null=True)
    parent_run_id = IdField(null=True)
    kind = models.CharField(max_length=10)
    component_id = IdField(null=True)
    component_name = models.TextField(null=True)
    status = models.CharField(max_length=40)
    created_at = models.BigIntegerField(null=True)
    model = models.TextField(null=True)
    input_tokens = models.BigIntegerField(null=True)
    output_tokens = models.BigIntegerField(null=True)
    total_tokens = models.BigIntegerField(null=True)
    cost = models.FloatField(null=True)
    told_cost = models.FloatField(null=True)
    usage = models.JSONField(null=True)
    duration = models.FloatField(null=True)
    first_token = models.FloatField(null=True)
    message_count = models.IntegerField(default=0)
    own_message_count = models.IntegerField(default=0)
    tool_call_count = models.IntegerField(default=0)
    tool_error_count = models.IntegerField(default=0)
    tool_names = models.JSONField(default=dict)
    tool_failures = models.JSONField(default=dict)
    input_preview = models.CharField(max_length=PREVIEW_CHARACTERS)
    content_preview = models.CharField(max_length=PREVIEW_CHARACTERS)
    size = models.BigIntegerField(default=0)
    cached_tokens = models.BigIntegerField(null=True)
    media_bytes = models.BigIntegerField(default=0)
    media_count = models.IntegerField(null=True)
    history_bytes = models.BigIntegerField(default=0)
    traits = models.JSONField(default=list)
    step_count = models.IntegerField(null=True)
    problem = models.TextField(default="")
    mark = models.TextField(default="")
    # What was found in a new run, until it is stored as CatalogText.
    unstored_texts: Sequence[Part] = ()

    class Meta:
        """Read by session in order, by run id, or by time over all sessions."""

        indexes = [
            models.Index(fields=["created_at", "id"], name="catalog_run_created"),
            models.Index(fields=["session", "ordinal"], name="catalog_run_order"),
            models.Index(fields=["session", "depth", "ordinal"], name="catalog_run_roots"),
            models.Index(fields=["session", "root_ordinal"], name="catalog_run_tree"),
            models.Index(fields=["session", "run_key"], name="catalog_run_id"),
        ]

    def __str__(self) -> str:
        """Its kind and id."""
        return f"{self.kind} run {self.run_id}"

    @property
    def quoted_id(self) -> str:
        """The run id as it stands in URLs; a run without one is named by its place."""
        return quote_id(self.run_id) if self.run_id else f"~{self.ordinal}"

    @property
    def computed_cost(self) -> float | None:
        """Its cost, if it follows from the price table."""
        return self.cost if self.told_cost is None else None

    @property
    def component(self) -> str:
        """What to call what ran."""
        return self.component_name or self.component_id or ""

    @classmethod
    def key_of(cls, run_id: str) -> str:
        """The value of `run_key` for a run id."""
        return index_key(run_id)


class CatalogTerm(models.Model):
    """One thing a session may be looked for by that has several values: `tool:get_weather`, `has:image`, `tag:vip`.

    `term` is the name of the field, a colon and the value; `terms.term_of` writes it. `updated_at` is the session's, so
    that those with a common term are read in the order of lists.
    """

    session = models.ForeignKey(CatalogSession, models.CASCADE, related_name="terms")
    term = models.CharField(max_length=TERM_CHARACTERS)
    updated_at = models.BigIntegerField()

    class Meta:
        """Looked up by its text, whole or from its beginning, for all sessions or for one."""

        constraints = [models.UniqueConstraint(fields=["session", "term"], name="catalog_one_term_once")]
        indexes = [
            models.Index(fields=["term", "updated_at", "session"], name="catalog_term"),
            models.Index(fields=["term"], name="catalog_term_begins", opclasses=["varchar_pattern_ops"]),
        ]

    def __str__(self) -> str:
        """The term."""
        return self.term


class CatalogText(models.Model):
    """Text that a search finds: that of one run (`run`), or of the session itself (None). See `text/`.

    `body` holds the texts one behind the other as they are shown; `parts` says what each is: a list of
    [kind, place, start, length], where `place` is the message's number in its run (null for none). `cut`: something
    was longer than what is indexed. `created_at`: unix seconds of the run, or of the session's last update.
    """

    session = models.ForeignKey(CatalogSession, models.CASCADE, related_name="texts")
    run = models.ForeignKey(CatalogRun, models.CASCADE, related_name="texts", null=True)
    parts = models.JSONField(default=list)
    body = models.TextField()
    cut = models.BooleanField(default=False)
    created_at = models.BigIntegerField(default=0)

    class Meta:
        """Read newest first where a word is common; the index of words is made by a migration."""

        indexes = [models.Index(fields=["created_at", "id"], name="catalog_text_created")]

    def __str__(self) -> str:
        """How it begins."""
        return self.body[:80]


class CatalogPricing(models.Model):
    """How far the costs of runs follow the price table, one row. `token`: the state of the table that all runs have.

    `towards`: that which they are given at present, and `cursor`: the last run that has it.
    """

    token = models.CharField(max_length=32, blank=True)
    towards = models.CharField(max_length=32, blank=True)
    cursor = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        """The state of the table."""
        return self.token


class SourceState(models.Model):
    """How far the catalog has followed a source.

    `cursor`: the session id up to which the present pass has come, None between passes. `seen_count`: sessions it met.
    `sweeping`: it looks for rows whose session is gone. `pulse`: what the source looked like when it began.
    `totals`: counts over all its sessions (`totals.py`), made at `totals_at` (unix seconds, 0 for none).
    `masked_by`: by which choice of detectors the texts of all its sessions are masked; `pass_masked_by`: those of the
    sessions that the present pass, or the last, has come by.
    `rate`: sessions a second that passes get through, 0 when not known. `failing_since`: when `problem` began.
    """

    source = models.CharField(max_length=64, primary_key=True)
    cursor = IdField(null=True)
    pass_number = models.IntegerField(default=1)
    pass_started_at = models.DateTimeField(null=True)
    seen_count = models.BigIntegerField(default=0)
    sweeping = models.BooleanField(default=False)
    pulse = models.TextField(default="")
    totals = models.JSONField(default=dict)
    totals_at = models.FloatField(default=0)
    checked_at = models.DateTimeField(null=True)
    full_pass_at = models.DateTimeField(null=True)
    session_count = models.BigIntegerField(null=True)
    indexed_count = models.BigIntegerField(default=0)
    layout = models.CharField(max_length=10, default="")
    problem = models.TextField(default="")
    failing_since = models.DateTimeField(null=True)
    rate = models.FloatField(default=0)
    masked_by = models.CharField(max_length=32, null=True)
    pass_masked_by = models.CharField(max_length=32, null=True)
    leased_until = models.DateTimeField(null=True)

    def __str__(self) -> str:
        """The source's name."""
        return self.source

    @property
    def is_complete(self) -> bool:
        """Whether every session of the source has been seen once."""
        return self.full_pass_at is not None
