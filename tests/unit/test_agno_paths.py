"""Whoever changes `agno` to `agentos` in the import lines has imported what is needed for sessions."""

import subprocess
import sys
from importlib import import_module

import pytest

import agentos

PATHS = {
    "agent": "Agent Message RunEvent RunOutput",
    "agent.agent": "Agent",
    "team": "Team TeamRunEvent TeamRunOutput",
    "team.team": "Team",
    "workflow": "Workflow Step Steps Loop Parallel Condition Router StepInput StepOutput",
    "workflow.workflow": "Workflow WorkflowSession",
    "workflow.step": "Step",
    "workflow.types": "StepInput StepOutput WorkflowExecutionInput",
    "models.base": "Model",
    "models.message": "Message",
    "models.metrics": "Metrics",
    "models.response": "ToolExecution",
    "models.openai": "OpenAIChat OpenAIResponses",
    "models.openai.chat": "OpenAIChat",
    "models.openai.responses": "OpenAIResponses",
    "session": "AgentSession TeamSession WorkflowSession SessionSummaryManager",
    "session.agent": "AgentSession",
    "session.team": "TeamSession",
    "session.workflow": "WorkflowSession",
    "session.summary": "SessionSummary SessionSummaryManager",
    "run": "RunContext RunStatus",
    "run.base": "RunContext RunStatus",
    "run.agent": "Message RunEvent RunInput RunOutput RunOutputEvent",
    "run.team": "TeamRunEvent TeamRunOutput",
    "run.workflow": "WorkflowRunEvent WorkflowRunOutput",
    "run.requirement": "RunRequirement",
    "db": "BaseDb InMemoryDb PostgresDb SessionType SqliteDb",
    "db.base": "BaseDb SessionType",
    "db.in_memory": "InMemoryDb",
    "db.postgres": "PostgresDb",
    "db.postgres.postgres": "PostgresDb",
    "db.sqlite": "SqliteDb",
    "db.sqlite.sqlite": "SqliteDb",
    "media": "Audio File Image Video",
    "tools": "Function Toolkit tool",
    "exceptions": "RetryAgentRun StopAgentRun",
}


@pytest.mark.parametrize(("path", "names"), PATHS.items())
def test_agnos_import_paths(path: str, names: str) -> None:
    module = import_module(f"agentos.{path}")
    for name in names.split():
        assert getattr(module, name).__name__ == ("Requirement" if name == "RunRequirement" else name)


def test_the_front_door() -> None:
    assert [getattr(agentos, name).__name__ for name in agentos.__all__] == agentos.__all__
    with pytest.raises(AttributeError, match="Assistant"):
        _ = agentos.Assistant


def test_nothing_costly_is_imported_before_it_is_used() -> None:
    code = """
import sys
from agentos import Agent, OpenAIChat, Team, Workflow
from agentos.db import InMemoryDb
from agentos.tools import tool
Agent(model=OpenAIChat(), db=InMemoryDb())
print([name for name in ("django", "openai", "psycopg", "pydantic", "httpx2") if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
