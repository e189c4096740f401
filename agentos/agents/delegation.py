"""What a team's leader can do with its members: hand one of them a task, or all of them the same one."""

from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import replace
from threading import Lock
from typing import TYPE_CHECKING, Any, Final

from agentos.agents.history import as_context, history_runs
from agentos.agents.identity import new_id
from agentos.agents.progress import Progress
from agentos.agents.request import RunRequest
from agentos.llm import ModelError
from agentos.records import Requirement, Run, ToolExecution
from agentos.records.events import RunOutputEvent
from agentos.tools import Function

if TYPE_CHECKING:
    from agentos.agents.chat import ChatComponent, Item
    from agentos.agents.loop import Loop
    from agentos.agents.team import Team

ONE: Final = "delegate_task_to_member"
ALL: Final = "delegate_task_to_members"
_PAUSED: Final = "The member {name} waits for somebody: {content}"
_FAILED: Final = "The member {name} could not do it: {content}"
_GONE: Final = "The run cannot be continued: the team has no member {id!r} any more."
_UNKNOWN: Final = "The team has no member {id!r}. Its members are:\n{roster}"


class Delegation:
    """The members of one run of a leader: who they are, what they were asked and what they answered."""

    def __init__(self, team: "Team", progress: Progress, loop: "Loop") -> None:
        self.team = team
        self.progress = progress
        self.loop = loop
        self._asked: list[tuple[str, str, str]] = []
        self._run_ids: dict[tuple[str, str], list[str]] = {}
        self._lock = Lock()

    def functions(self) -> list[Function]:
        """Return the leader's tools for it."""
        if not self.team.members:
            return []
        wanted: Callable[..., Any] = self._to_all if self.team.delegate_to_all_members else self._to_one
        function = Function.from_callable(wanted, name=ALL if self.team.delegate_to_all_members else ONE)
        function.stop_after_tool_call = self.team.respond_directly
        tools = [function]
        if self.team.get_member_information_tool:
            tools.append(Function.from_callable(lambda: roster(self.team.members), name="get_member_information"))
        return tools

    def _to_one(self, member_id: str, task: str) -> str:
        """Hand a task to one member of the team and return what it answers.

        Args:
            member_id: The member's id, as the list of members has it.
            task: What it is to do, with all it has to know: it does not see this conversation.
        """
        member = find_member(self.team.members, member_id)
        if member is None:
            return _UNKNOWN.format(id=member_id, roster=roster(self.team.members))
        return self._answer_of(member, task)

    def _to_all(self, task: str) -> str:
        """Hand the same task to every member of the team and return what they answer.

        Args:
            task: What they are to do, with all they have to know: they do not see this conversation.
        """
        answers = [(member, self._answer_of(member, task)) for member in self.team.members]
        return "\n\n".join(f"{member.name or member.component_id}: {answer}" for member, answer in answers)

    def _answer_of(self, member: "ChatComponent", task: str) -> str:
        given = task if self.team.determine_input_for_members else self.progress.request.input
        request = self._request(given)
        with self._lock:
            self._run_ids.setdefault((member.component_id, task), []).append(request.run_id)
        run = self._carried_out(member, member.perform(request))
        answer = told(member, run)
        with self._lock:
            self._asked.append((member.name or member.component_id, task, answer))
        return answer

    def mark(self, execution: ToolExecution) -> None:
        """Write into a delegation's call which run it led to: with it a paused run finds its way back."""
        member = find_member(self.team.members, str((execution.tool_args or {}).get("member_id", "")))
        if member is not None:
            with self._lock:
                ids = self._run_ids.get((member.component_id, str((execution.tool_args or {}).get("task", ""))))
                execution.raw["child_run_id"] = ids.pop(0) if ids else None

    def resume(self) -> Iterator[RunOutputEvent]:
        """Go on with the members' runs that wait, and put what they answer in the place of what was said of them."""
        progress = self.progress
        paused = [run for run in progress.members if run.status == "PAUSED"]
        progress.members = [run for run in progress.members if run.status != "PAUSED"]
        for run in paused:
            member = find_member(self.team.members, run.component_id or "")
            if member is None:
                raise ModelError(_GONE.format(id=run.component_id))
            finished = yield from self._resumed(member, run)
            self._tell(member, run, finished)
            progress.requirements = [item for item in progress.requirements if item.member_run_id != run.run_id] + (
                [item for item in progress.answers_of_members if item.member_run_id == run.run_id]
            )

    def _resumed(self, member: "ChatComponent", run: Run) -> Generator[RunOutputEvent, None, Run]:
        answers = [item for item in self.progress.answers_of_members if item.member_run_id == run.run_id]
        own = [Requirement.from_dict({**item.raw, "member_run_id": None}) for item in answers]
        inner = [item for item in self.progress.answers_of_members if item.member_run_id != run.run_id]
        request = replace(self._request(None), run_id=run.run_id or "")
        for item in member.resume(request, run, [*own, *inner]):
            if isinstance(item, RunOutputEvent):
                yield item
            else:
                self.add(member, item)
                return item
        raise RuntimeError("A run ends with a run.")

    def _tell(self, member: "ChatComponent", run: Run, finished: Run) -> None:
        """Tell the leader what the member has answered now."""
        progress, answer = self.progress, told(member, finished)
        for execution in reversed(progress.tools):
            arguments = execution.tool_args or {}
            is_it = execution.child_run_id == run.run_id if execution.child_run_id else arguments.get("member_id")
            if is_it is True or is_it == member.component_id or execution.tool_name == ALL:
                execution.raw["result"] = answer
                for message in progress.messages:
                    if message.role == "tool" and message.tool_call_id == execution.tool_call_id:
                        message.raw["content"] = answer
                return

    def _carried_out(self, member: "ChatComponent", items: "Iterator[Item]") -> Run:
        for item in items:
            if isinstance(item, RunOutputEvent):
                if self.team.stream_member_events and self.progress.request.stream:
                    self.loop.inner.put(item)
            else:
                self.add(member, item)
                return item
        raise RuntimeError("A run ends with a run.")

    def add(self, member: "ChatComponent", run: Run) -> None:
        """Keep a member's run, and with it what it waits for, which its leader then waits for as well (§3.11)."""
        with self._lock:
            self.progress.member_components[run.run_id or ""] = member
            self.progress.members.append(run)
            if run.status == "PAUSED":
                self.progress.requirements_of_members += requirements_of(member, run)

    def _request(self, task: Any) -> RunRequest:
        """Return the request for a member's run: in the leader's session, on the leader's state."""
        outer = self.progress.request
        run_id = new_id()
        return RunRequest(
            input="\n\n".join([*self._context(), task]) if isinstance(task, str) else task,
            session_id=outer.session_id,
            run_id=run_id,
            user_id=outer.user_id,
            images=outer.images,
            videos=outer.videos,
            audio=outer.audio,
            files=outer.files,
            session_state=outer.session_state,
            dependencies=outer.dependencies,
            metadata=outer.metadata,
            stream=outer.stream,
            parent_run_id=outer.run_id,
            depth=outer.depth + 1,
            cancelled=outer.cancelled,
            loop=outer.loop,
            db=outer.db,
            session=outer.session,
        )

    def _context(self) -> list[str]:
        """Return what members are told before their task, as the team's options say."""
        parts = []
        if self.team.share_member_interactions and self._asked:
            with self._lock:
                told_so_far = "\n\n".join(
                    f"Member: {who}\nTask: {task}\nResponse: {said}" for who, task, said in self._asked
                )
            parts.append(f"<member_interactions>\n{told_so_far}\n</member_interactions>")
        if self.team.add_team_history_to_members:
            request = self.progress.request
            runs = history_runs(request.db, request.session_id, runs=self.team.num_team_history_runs, messages=None)
            parts.append(as_context(runs, "team_history"))
        return [part for part in parts if part]


def told(member: "ChatComponent", run: Run) -> str:
    """Return a member's answer as its leader is told."""
    name = member.name or member.component_id
    if run.status == "PAUSED":
        return _PAUSED.format(name=name, content=run.content_text)
    if run.status in ("ERROR", "CANCELLED"):
        return _FAILED.format(name=name, content=run.content_text)
    return run.content_text


def requirements_of(member: "ChatComponent", run: Run) -> list[Requirement]:
    """Return what a paused member waits for, as its leader's run has it: with whose it is."""
    found = []
    for requirement in run.requirements:
        if not requirement.is_resolved():
            raw = {
                **requirement.raw,
                "member_agent_id": requirement.member_agent_id or member.component_id,
                "member_agent_name": requirement.member_agent_name or member.name,
                "member_run_id": requirement.member_run_id or run.run_id,
            }
            found.append(Requirement.from_dict(raw))
    return found


def find_member(members: Sequence["ChatComponent"], member_id: str) -> "ChatComponent | None":
    """Return the member of this id, or of this name: models are not exact."""
    wanted = member_id.strip().casefold()
    by_id = next((member for member in members if member.component_id.casefold() == wanted), None)
    return by_id or next((member for member in members if (member.name or "").casefold() == wanted), None)


def roster(members: Sequence["ChatComponent"], *, tools: bool = False) -> str:
    """Return who the members are, for a model to read."""
    return "\n".join(_entry(member, tools=tools) for member in members)


def _entry(member: "ChatComponent", *, tools: bool) -> str:
    lines = [f'<member id="{member.component_id}" name="{member.name or ""}">']
    lines += [f"  Role: {member.role}"] if member.role else []
    lines += [f"  Description: {member.description}"] if member.description else []
    if tools and (names := list(member.own_functions())):
        lines.append(f"  Tools: {', '.join(names)}")
    if inner := [other.name or other.component_id for other in inner_members(member)]:
        lines.append(f"  Leads: {', '.join(inner)}")
    return "\n".join([*lines, "</member>"])


def inner_members(member: "ChatComponent") -> Sequence["ChatComponent"]:
    """Return the members of a member that is a team."""
    return getattr(member, "members", ())
