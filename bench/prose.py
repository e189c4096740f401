"""Texts and runs for `scale.py`: JSON as Agno stores it, put together from ready parts, for millions of runs take time.

Everything a `Prose` gives is decided by its dice. Texts come out escaped for JSON, as Agno writes it: in ASCII.
"""

import json
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

COMMON: Final = "meridian"  # said in COMMON_SHARE of the runs
COMMON_SHARE: Final = 0.05
MODELS: Final = (
    ("gpt-5-mini", "OpenAI"), ("gpt-5-mini", "OpenAI"), ("gpt-5", "OpenAI"), ("claude-sonnet-5", "Anthropic"),
    ("gemini-3-flash", "Google"),
)  # fmt: skip
TOOLS: Final = ("search_web", "get_weather", "run_sql", "send_mail", "read_file", "wire_money", "book_table")
_ENDINGS: Final = ("COMPLETED",) * 92 + ("ERROR",) * 4 + ("CANCELLED", "PAUSED", "RUNNING", "REGENERATED")
# What stands behind the result of a tool execution; Agno writes every key, null or not.
_UNUSED: Final = "".join(
    f', "{key}": null'
    for key in (
        "requires_confirmation", "confirmed", "confirmation_note", "requires_user_input", "user_input_schema",
        "user_feedback_schema", "answered", "external_execution_required", "external_execution_silent",
        "approval_type", "approval_id", "parent_tool_call_id",
    )
)  # fmt: skip
# Words of other scripts, to be strung together; none is part of a needle.
_OTHERS: Final = (
    ("", "我们 今天 讨论 合同 的 价格 然后 发送 报告 给 客户 请 检查 航班 时间 天气 很 好".split()),
    ("", "今日 会議 資料 を 確認 して ください 東京 の 天気 予報 です 顧客 へ 連絡".split()),
    (" ", "오늘 회의 자료 확인 부탁 드립니다 서울 날씨 고객 연락 계약 가격".split()),
    (" ", "اليوم نناقش سعر العقد ثم نرسل التقرير إلى العميل في القاهرة".split()),
    (" ", "आज हम अनुबंध की कीमत पर चर्चा करते हैं फिर ग्राहक को रिपोर्ट भेजते".split()),
    (" ", "Übermorgen prüfen wir die Gebühr für das Café und schließen den März ab naïve".split()),
)
_OTHER_SHARE: Final = 0.08


@dataclass
class Made:
    """A run: its JSON, and what its row or the session's totals say of it."""

    run_id: str
    json: str
    status: str
    created_at: int
    tokens: int
    kind: str = "agent"
    component: str = ""
    parent: str | None = None
    # Where the message with each kind of text stands, from 1.
    places: dict[str, int] = field(default_factory=dict)


class Prose:
    """Writes texts and runs. `thin`: as little text as a run may have, for sources of many millions of them."""

    def __init__(self, dice: random.Random, *, thin: bool = False, sentences: int = 20_000) -> None:
        self.dice, self.thin = dice, thin
        letters = "etaoinshrdlucmfwypvbgkqjxz"
        words = list({"".join(dice.choices(letters, k=dice.randint(2, 9))): None for _ in range(20_000)})
        weights = [1 / (rank + 3) for rank in range(len(words))]
        self._words = dice.choices(words, weights, k=50_000)
        self._sentences = [json.dumps(self._sentence())[1:-1] for _ in range(sentences)]

    def _sentence(self) -> str:
        if self.dice.random() < _OTHER_SHARE:
            space, bank = self.dice.choice(_OTHERS)
            return space.join(self.dice.choices(bank, k=self.dice.randint(4, 10))) + "."
        return " ".join(self.dice.choices(self._words, k=self.dice.randint(6, 16))).capitalize() + "."

    def text(self, characters: int) -> str:
        """Return about so many characters of text."""
        return " ".join(self.dice.choices(self._sentences, k=max(1, characters // 62)))

    def words(self, count: int) -> str:
        """Return so many words."""
        return " ".join(self.dice.choices(self._words, k=count))

    def new_id(self) -> str:
        """Return a uuid."""
        digits = f"{self.dice.getrandbits(128):032x}"
        return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-a{digits[17:20]}-{digits[20:]}"

    def agent_run(
        self, session_id: str, agent: str, user: str | None, at: int, *, parent: str | None = None, step: str = "",
        planted: dict[str, str] | None = None, answer: int = 900,
    ) -> Made:  # fmt: skip
        """Return a run of an agent: a question, tool calls with their results, an answer of about `answer` characters.

        `planted`: texts to be said in it, by kind: user, answer, tool_call, tool_result, reasoning.
        """
        planted = planted or {}
        thin = self.thin and not planted
        run = Made(self.new_id(), "", self.dice.choice(_ENDINGS), at, 0, component=agent, parent=parent)
        asked = self._with(self.text(60 if thin else 140), planted.get("user"))
        if self.dice.random() < COMMON_SHARE and not planted:
            asked += f" {COMMON}"
        messages = [] if thin else [self._message("system", self.text(900), at)]
        messages.append(self._message("user", asked, at))
        run.places["user"] = len(messages)
        executions = [] if thin else self._calls(run, messages, planted)
        said = self._with(self.text(60 if thin else answer), planted.get("answer"))
        messages.append(self._message("assistant", said, at + 2))
        run.places["answer"] = len(messages)
        run.json = self._whole(
            run, self._ids("agent", agent, session_id, user, run), step, said, planted.get("reasoning"),
            f', "input": {{"input_content": "{asked}"}}, "messages": [{", ".join(messages)}]'
            f', "tools": [{", ".join(executions)}]',
        )  # fmt: skip
        return run

    def team_turn(self, session_id: str, team: str, user: str | None, at: int) -> list[Made]:
        """Return the runs of one turn of a team in Agno's order: members first, then the leader they belong to."""
        leader = Made(self.new_id(), "", self.dice.choice(_ENDINGS), at, 0, "team", team)
        members = [
            self.agent_run(session_id, f"{team}-member-{number}", user, at, parent=leader.run_id)
            for number in range(self.dice.choice((1, 2, 2, 3)))
        ]
        asked, said = self.text(120), self.text(60 if self.thin else 700)
        messages, executions = [self._message("user", asked, at)], []
        for member in members:
            arguments = json.dumps(json.dumps({"member_id": member.component, "task": self.words(6)}))
            executions.append(self._call(messages, "delegate_task_to_member", arguments, self.text(200), at))
        messages.append(self._message("assistant", said, at + 3))
        leader.json = self._whole(
            leader, self._ids("team", team, session_id, user, leader), "", said, None,
            f', "input": {{"input_content": "{asked}"}}, "messages": [{", ".join(messages)}]'
            f', "member_responses": [], "tools": [{", ".join(executions)}]',
        )  # fmt: skip
        return [*members, leader]

    def workflow_run(self, session_id: str, workflow: str, user: str | None, at: int) -> Made:
        """Return a run of a workflow with its steps, and the runs of their agents inside it."""
        run = Made(self.new_id(), "", self.dice.choice(_ENDINGS), at, 0, "workflow", workflow)
        results, inside, spent = [], [], []
        for number, name in enumerate(("research", "draft", "review")[: self.dice.randint(2, 3)]):
            step = self.new_id()
            of = self.agent_run(
                session_id, f"{workflow}-{name}", user, at + number, parent=run.run_id, answer=400,
                step=f', "workflow_id": "{workflow}", "workflow_step_id": "{step}"',
            )  # fmt: skip
            metrics = f'{{"input_tokens": {of.tokens - 20}, "output_tokens": 20, "total_tokens": {of.tokens}}}'
            empty = "".join(f', "{key}": null' for key in ("images", "videos", "audio", "files", "error"))
            results.append(
                f'{{"content": "{self.text(120)}", "step_name": "{name}", "step_id": "{step}", "step_type": "Step", '
                f'"executor_type": "agent", "executor_name": "{_named(of.component)}", "step_run_id": "{of.run_id}", '
                f'"metrics": {metrics}, "success": true, "stop": false, "is_paused": false{empty}}}'
            )
            spent.append(
                f'"{name}": {{"step_name": "{name}", "executor_type": "agent", '
                f'"executor_name": "{_named(of.component)}", "metrics": {metrics}}}'
            )
            inside.append(of.json)
            run.tokens += of.tokens
        run.json = (
            f'{{{self._ids("workflow", workflow, session_id, user, run)}, "input": "{self.text(100)}", '
            f'"content": "{self.text(400)}", "content_type": "str", "created_at": {at}, "status": "{run.status}", '
            f'"images": [], "videos": [], "audio": [], "files": [], "step_results": [{", ".join(results)}], '
            f'"step_executor_runs": [{", ".join(inside)}], '
            f'"metrics": {{"steps": {{{", ".join(spent)}}}, "duration": {2.5 * len(inside)}}}}}'
        )
        return run

    def _calls(self, run: Made, messages: list[str], planted: dict[str, str]) -> list[str]:
        """Add the tool calls of a run to its messages; return their executions."""
        wanted = "tool_call" in planted or "tool_result" in planted
        executions = []
        for number in range(self.dice.choice((0, 1, 1, 2, 4)) or int(wanted)):
            first = number == 0
            query = self._with(self.words(3), planted.get("tool_call") if first else None)
            arguments = json.dumps(f'{{"query": "{query}"}}')
            # Some tools return a lot, and a few much more than is indexed of a text.
            size = 40_000 if (luck := self.dice.random()) < 0.0005 else 6_000 if luck < 0.02 else 350
            result = self._with(self.text(size), planted.get("tool_result") if first else None)
            executions.append(self._call(messages, self.dice.choice(TOOLS), arguments, result, run.created_at))
            if first:
                run.places |= {"tool_call": len(messages) - 1, "tool_result": len(messages)}
        return executions

    def _call(self, messages: list[str], tool: str, arguments: str, result: str, at: int) -> str:
        """Add the two messages of a call; return its execution. `arguments`: a JSON string that holds JSON."""
        call, failed = f"call_{self.dice.getrandbits(80):020x}", "true" if self.dice.random() < 0.05 else "false"
        given = json.loads(arguments)
        requested = (
            f'{{"id": "{call}", "type": "function", "function": {{"name": "{tool}", "arguments": {arguments}}}}}'
        )
        messages.append(self._message("assistant", None, at, f', "tool_calls": [{requested}]'))
        about = f', "tool_call_id": "{call}", "tool_name": "{tool}", "tool_args": {given}, "tool_call_error": {failed}'
        messages.append(self._message("tool", result, at + 1, about))
        return (
            f'{{"tool_call_id": "{call}", "tool_name": "{tool}", "tool_args": {given}, "tool_call_error": {failed}, '
            f'"result": "{result}", "metrics": {{"start_time": {at}.25, "end_time": {at}.75, "duration": 0.5}}, '
            f'"child_run_id": null, "stop_after_tool_call": false, "created_at": {at}{_UNUSED}}}'
        )

    def _message(self, role: str, text: str | None, at: int, more: str = "") -> str:
        content = "" if text is None else f'"content": "{text}", '
        return (
            f'{{"id": "{self.new_id()}", {content}"from_history": false, "stop_after_tool_call": false, '
            f'"role": "{role}"{more}, "created_at": {at}}}'
        )

    def _whole(self, run: Made, ids: str, step: str, said: str, thought: str | None, rest: str) -> str:
        """Return the JSON of an agent's or team's run, and set its tokens."""
        spent, answered = self.dice.randrange(300, 9000), self.dice.randrange(20, 900)
        run.tokens += spent + answered
        (model, provider), cost = self.dice.choice(MODELS), ""
        if model != "claude-sonnet-5":  # whose cost nobody knows
            cost = f', "cost": {round((spent + 8 * answered) / 4e6, 6)}'
        tokens = f'"input_tokens": {spent}, "output_tokens": {answered}, "total_tokens": {spent + answered}{cost}'
        if thought is None and self.dice.random() < 0.04:
            thought = self.text(300)
        reasoning = f', "reasoning_content": "{thought}"' if thought else ""
        return (
            f'{{{ids}{step}, "content": "{said}", "content_type": "str"{reasoning}, "model": "{model}", '
            f'"model_provider": "{provider}", "session_state": {{"turn": {self.dice.randrange(9)}}}, '
            f'"created_at": {run.created_at}, "status": "{run.status}", "metrics": {{{tokens}, '
            f'"time_to_first_token": 0.25, "duration": {self.dice.expovariate(0.3):.3f}, '
            f'"details": {{"model": [{{{tokens}, "id": "{model}", "provider": "{provider} Chat"}}]}}}}{rest}}}'
        )

    @staticmethod
    def _ids(kind: str, component: str, session_id: str, user: str | None, run: Made) -> str:
        parent = f', "parent_run_id": "{run.parent}"' if run.parent else ""
        of = f', "user_id": "{user}"' if user else ""
        return (
            f'"run_id": "{run.run_id}", "{kind}_id": "{component}", "{kind}_name": "{_named(component)}", '
            f'"session_id": "{session_id}"{parent}{of}'
        )

    @staticmethod
    def _with(text: str, planted: str | None) -> str:
        return f"{text} {json.dumps(planted)[1:-1]}" if planted else text


def _named(component: str) -> str:
    return component.replace("-", " ").title()


def data_of(kind: str, component: str, model: Sequence[str]) -> dict[str, object]:
    """Return what a session says of its agent, team or workflow (`agent_data` and its likes)."""
    if kind == "workflow":
        steps = [{"name": name, "description": None, "type": "Step"} for name in ("research", "draft", "review")]
        return {"workflow_id": component, "name": _named(component), "steps": steps}
    about = {"id": model[0], "name": f"{model[1]}Chat", "provider": model[1]}
    return {"name": _named(component), f"{kind}_id": component, "model": about}
