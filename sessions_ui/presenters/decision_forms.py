"""What is sent to decide on a paused run, read against what was asked; and what is asked, as data."""

from collections.abc import Sequence
from typing import Any

from django.http import QueryDict

from agentos.records.questions import Ask, Question
from agentos.records.replies import Reply
from agentos.turns.waiting import Waiting
from sessions_ui.presenters.decisions import AskView, Card


def given_again(post: QueryDict) -> dict[str, Any]:
    """Return what was typed, to show it again; `name[]` holds all values of a name."""
    return {**{name: post.get(name) for name in post}, **{f"{name}[]": post.getlist(name) for name in post}}


def replies_of(post: QueryDict, waiting: Waiting) -> list[Reply]:
    """Read the answers out of the card's form."""
    return [_reply(post, number, one.question) for number, one in enumerate(waiting.asks) if f"{number}-key" in post]


def _reply(post: QueryDict, number: int, question: Question) -> Reply:
    choice = post.get(f"{number}-choice", "")
    open_fields = [item.name or "" for item in question.fields if item.value is None]
    values = {name: post.get(f"{number}-field-{index}", "") for index, name in enumerate(open_fields)}
    return Reply(
        key=post.get(f"{number}-key", ""),
        mark=post.get(f"{number}-mark", ""),
        choice=choice,
        text=_lines(post.get(f"{number}-edit" if choice == "edit" else f"{number}-text", "")),
        values={name: value for name, value in values.items() if value} or None,
        selected=_selected(post, number, question) or None,
        picked=tuple(_labels(post, f"{number}-pick-0", question.choices)) if question.ask == Ask.ROUTE else (),
    )


def _selected(post: QueryDict, number: int, question: Question) -> dict[str, list[str]]:
    return {
        item.question or "": _labels(post, f"{number}-pick-{index}", [option.label or "" for option in item.options])
        for index, item in enumerate(question.feedback)
    }


def _labels(post: QueryDict, name: str, labels: Sequence[str]) -> list[str]:
    """Return the labels of the chosen places; a place that there is not stands for a label that there is not."""
    places = post.getlist(name)
    return [labels[int(place)] if place.isdecimal() and int(place) < len(labels) else place for place in places]


def _lines(text: str) -> str:
    return text.replace("\r\n", "\n").strip()


def as_data(card: Card) -> dict[str, Any]:
    """Return a card as JSON: what is asked, and what may be answered."""
    return {
        "run_id": card.run.run_id,
        "component_id": card.run.component_id,
        "problem": card.problem or card.reason or None,
        "asks": [_ask_data(ask) for ask in card.asks],
    }


def _ask_data(ask: AskView) -> dict[str, Any]:
    question, call = ask.question, ask.question.call
    return {
        "key": question.key,
        "mark": question.mark,
        "asks": str(question.ask),
        "name": question.name,
        "by": question.who or ask.who,
        "arguments": call.tool_args if call is not None else None,
        "message": ask.message or None,
        "fields": [item.raw for item in question.fields],
        "questions": [item.raw for item in question.feedback],
        "options": question.choices,
        "choices": list(ask.asking.possible),
        "cannot": dict(ask.asking.cannot),
        "note": ask.asking.note or None,
        "expires_at": ask.asking.approval.expires_at if ask.asking.approval else None,
    }
