"""What a session is: typed, tolerant views of the JSON Agno stores. Pure: no I/O, no Django."""

from agentos.records.conventions import NOT_HISTORY, TRANSIENT_STATE, TRANSIENT_WORKFLOW_STATE
from agentos.records.details import (
    Citations,
    DocumentCitation,
    FeedbackOption,
    InputField,
    ReasoningStep,
    Reference,
    StepOutput,
    UrlCitation,
    UserQuestion,
)
from agentos.records.encoding import RecordError, dumps, loads, readable, strip_for_postgres
from agentos.records.events import RunEvent, RunOutputEvent, TeamRunEvent, WorkflowRunEvent
from agentos.records.fields import Record
from agentos.records.forest import RunNode, build_forest, walk
from agentos.records.hands import NOBODY, ByPerson, claimed, names_people
from agentos.records.media import Audio, File, Image, Media, MediaReference, Video, sniff_mime_type
from agentos.records.messages import FunctionCall, Message, ToolCallRequest
from agentos.records.metrics import TOKEN_KEYS, Metrics, ModelMetrics, StepMetrics
from agentos.records.needles import MARKER
from agentos.records.redacting import Redactor
from agentos.records.requirements import ErrorRequirement, Requirement, RunRequirement, StepRequirement
from agentos.records.runs import (
    BadRun,
    Kind,
    Run,
    RunInput,
    RunOutput,
    RunStatus,
    TeamRunOutput,
    WorkflowRunOutput,
    parse_run,
)
from agentos.records.session_kinds import (
    AgentSession,
    TeamSession,
    WorkflowSession,
    as_session,
    history_context,
    session_class,
)
from agentos.records.sessions import SESSION_COLUMNS, Session, SessionSummary, display_name
from agentos.records.tally import Tally, TallyBuilder, tally
from agentos.records.times import as_datetime
from agentos.records.tools import HeldApart, ToolCall, ToolCallStatus, ToolExecution, join_tool_calls
from agentos.records.usage import Usage, usage_of

__all__ = [
    "MARKER",
    "NOBODY",
    "NOT_HISTORY",
    "SESSION_COLUMNS",
    "TOKEN_KEYS",
    "TRANSIENT_STATE",
    "TRANSIENT_WORKFLOW_STATE",
    "AgentSession",
    "Audio",
    "BadRun",
    "ByPerson",
    "Citations",
    "DocumentCitation",
    "ErrorRequirement",
    "FeedbackOption",
    "File",
    "FunctionCall",
    "HeldApart",
    "Image",
    "InputField",
    "Kind",
    "Media",
    "MediaReference",
    "Message",
    "Metrics",
    "ModelMetrics",
    "ReasoningStep",
    "Record",
    "RecordError",
    "Redactor",
    "Reference",
    "Requirement",
    "Run",
    "RunEvent",
    "RunInput",
    "RunNode",
    "RunOutput",
    "RunOutputEvent",
    "RunRequirement",
    "RunStatus",
    "Session",
    "SessionSummary",
    "StepMetrics",
    "StepOutput",
    "StepRequirement",
    "Tally",
    "TallyBuilder",
    "TeamRunEvent",
    "TeamRunOutput",
    "TeamSession",
    "ToolCall",
    "ToolCallRequest",
    "ToolCallStatus",
    "ToolExecution",
    "UrlCitation",
    "Usage",
    "UserQuestion",
    "Video",
    "WorkflowRunEvent",
    "WorkflowRunOutput",
    "WorkflowSession",
    "as_datetime",
    "as_session",
    "build_forest",
    "claimed",
    "display_name",
    "dumps",
    "history_context",
    "join_tool_calls",
    "loads",
    "names_people",
    "parse_run",
    "readable",
    "session_class",
    "sniff_mime_type",
    "strip_for_postgres",
    "tally",
    "usage_of",
    "walk",
]
