"""Runs as our own turns build them, for sessions of every kind."""

import uuid
from dataclasses import replace

from agentos.agents.answer import continuation
from agentos.agents.building import Answer, Question, build_run
from agentos.db.reader import Reader
from agentos.llm.openai_chat import OpenAIChat
from agentos.records import Metrics, Run, Session

USAGE = {"input_tokens": 40, "output_tokens": 9, "total_tokens": 49}


def turn_for(session: Session, reader: Reader, question: str, answer: str) -> Run:
    """Return the run that our runner would store when `our-model` answers `question` in this session."""
    who = replace(continuation(session, reader), model=OpenAIChat("our-model", api_key="none"))
    said = Answer(status="COMPLETED", text=answer, usage=Metrics.from_dict(dict(USAGE)), duration=0.4)
    return build_run(who, Question(question, continued_by="dana"), said, run_id=str(uuid.uuid4()))
