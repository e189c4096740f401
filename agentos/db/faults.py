"""The errors of a database of sessions, whatever it is made of. `str()` of each is a plain sentence for people."""


class SourceError(Exception):
    """Something about a source is wrong or refused."""


class SourceUnavailable(SourceError):
    """The source cannot be used now: missing, locked, down, not a database, too slow."""


class TableMissing(SourceUnavailable):
    """A table or column is not there (any more): what was looked up about the layout is out of date."""
