"""A team: a leader that hands tasks to its members, which are agents or teams, and answers from what they say."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from agentos.agents.chat import ChatComponent
from agentos.agents.delegation import ALL, ONE, Delegation, roster
from agentos.agents.loop import Loop
from agentos.agents.progress import Progress
from agentos.agents.storing import stored_form
from agentos.records import Run
from agentos.tools import Function

_LEADER: Final = """\
<team>
You lead a team. Its members:
{roster}

{how}
Members do not see this conversation: a task has to say all they need to know.
</team>"""
_COORDINATE: Final = f"""\
Hand each part of the work to the member that fits it best, with `{ONE}`; parts that do not depend on each other at \
once. What needs no member you answer yourself. Then write one answer from what they said; if one failed, say so."""
_ROUTE: Final = f"""\
Hand the work to the one member that fits it best, with `{ONE}`. Its answer goes to the user as it is."""
_BROADCAST: Final = f"""\
Hand the work to all members at once, with `{ALL}`. Then write one answer from what they said."""


@dataclass(kw_only=True, eq=False, repr=False)
class Team(ChatComponent):
    """A team. Members' runs are stored in its session, before their leader's.

    `respond_directly`: a member's answer is the team's. `delegate_to_all_members`: one task, every member.
    `determine_input_for_members=False`: members get the user's input instead of the leader's task.
    `share_member_interactions`: members see what others were asked in this run; `add_team_history_to_members`: and the
    team's last `num_team_history_runs` runs. `store_member_responses`: their runs are also kept within the leader's.
    """

    kind = "team"

    members: Sequence[ChatComponent] = field(default=(), kw_only=False)
    respond_directly: bool = False
    delegate_to_all_members: bool = False
    determine_input_for_members: bool = True
    share_member_interactions: bool = False
    add_team_history_to_members: bool = False
    num_team_history_runs: int = 3
    add_member_tools_to_context: bool = False
    get_member_information_tool: bool = False
    store_member_responses: bool = False
    stream_member_events: bool = True
    show_members_responses: bool = False

    def _functions(self, progress: Progress, loop: Loop) -> dict[str, Function]:
        functions = super()._functions(progress, loop)
        delegation = Delegation(self, progress, loop)
        loop.delegation = delegation
        return {function.name: function for function in delegation.functions()} | functions

    def _team_context(self, progress: Progress) -> str:
        if not self.members:
            return ""
        how = _BROADCAST if self.delegate_to_all_members else _ROUTE if self.respond_directly else _COORDINATE
        return _LEADER.format(roster=roster(self.members, tools=self.add_member_tools_to_context), how=how)

    def _to_store(self, progress: Progress) -> Run:
        return stored_form(self, progress.run(), embed_members=self.store_member_responses)

    def _members_to_store(self, progress: Progress) -> list[Run]:
        """Return the direct members' runs, each as its own component stores runs (format §4.2)."""
        found = []
        for run in progress.members:
            member = progress.member_components.get(run.run_id or "", self)
            found.append(stored_form(member, run, embed_members=getattr(member, "store_member_responses", False)))
        return found
