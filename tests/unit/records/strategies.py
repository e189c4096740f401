"""JSON of every kind, and JSON that looks like Agno's until one looks closer."""

from typing import Any

from hypothesis import strategies as st

from agentos.records import Message, Metrics, RunOutput, Session, TeamRunOutput, ToolExecution, WorkflowRunOutput
from agentos.records.fields import Field, Record

# With lone surrogates and control characters, without NaN: it equals nothing, itself included.
scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(min_value=10**30, max_value=10**40),
    st.floats(allow_nan=False),
    st.text(alphabet=st.characters(), max_size=8),
)
json_values: st.SearchStrategy[Any] = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4)
)


def keys_of(record_class: type[Record]) -> list[str]:
    """Return the keys the class reads."""
    return sorted({field.key for name in dir(record_class) if isinstance(field := getattr(record_class, name), Field)})


KEYS = sorted(
    {
        key
        for record_class in (Session, RunOutput, TeamRunOutput, WorkflowRunOutput, Message, ToolExecution, Metrics)
        for key in keys_of(record_class)
    }
)
texts = st.sampled_from(["", "user", "assistant", "tool", "agent", "team", "workflow", "r1", "r2", "{", '{"a": 1}'])
# Objects with Agno's keys, in places and with values that may or may not be what Agno puts there.
agno_like: st.SearchStrategy[Any] = st.recursive(
    st.one_of(scalars, texts),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*KEYS, "function", "name"]), inner, max_size=6)
    ),
    max_leaves=30,
)
agno_objects = st.dictionaries(st.sampled_from(KEYS), agno_like, max_size=8)
