"""What people do to sessions: what stands then, what the catalog says at once, and what is refused."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from agentos.access.rules import NotAllowed, check_can_continue, check_is_open
from agentos.catalog.models import CatalogSession, CatalogTerm
from agentos.catalog.query.listing import ListQuery
from agentos.catalog.query.parser import parse
from agentos.catalog.sync import rebuild, refresh_source
from agentos.moderation import cases, flags, measures, remarks
from agentos.moderation.acting import Actor, Conflict, Refused
from agentos.moderation.flags import Spot
from agentos.moderation.models import Case, Flag, FlagReason, Standing, Subject
from agentos.moderation.states import State
from tests.conftest import Person, person
from tests.factories import make_session

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("flag_reasons")]
WHY = "somebody asked for it"
HOSTILE = "<img src=x onerror=alert(1)>\u202e\0\ud800{{ 7 }}"


@pytest.fixture
def row(db: None) -> CatalogSession:
    return make_session(session_id="s-1", title="A threat", tags=["vip"])


def by(who: Person) -> Actor:
    return Actor.of(who.user)


def found(who: Person, query: str) -> set[str]:
    rows = CatalogSession.objects.visible_to(who.user).filtered(ListQuery.of(parse(query)))
    return set(rows.values_list("session_id", flat=True))


def flagged(row: CatalogSession, who: Person, reason: str = "Possible fraud", **more: Any) -> Case:
    return flags.flag(row, by(who), reason, **more).case


def test_a_flag_opens_a_case_and_more_flags_join_it(row: CatalogSession, viewer: Person, teammate: Person) -> None:
    case = flagged(row, viewer, title=row.title, note="look at the amount")
    assert (case.state, case.title) == (State.OPEN, "A threat")
    again = flagged(row, teammate, "Threat or harassment", spot=Spot("r1", 2))
    assert again.pk == case.pk and Case.objects.count() == 1
    due = Case.objects.get().due_at
    assert due is not None and due < timezone.now() + timedelta(hours=1, minutes=1)  # the more urgent reason
    with pytest.raises(Conflict, match="You flagged this just now: Possible fraud"):
        flagged(row, viewer)
    assert found(viewer, "has:flag") == {"s-1"} and found(viewer, "-has:flag") == set()


def test_a_flag_is_taken_back_by_its_person_or_a_moderator(
    row: CatalogSession, viewer: Person, teammate: Person, moderator: Person
) -> None:
    flag = flags.flag(row, by(viewer), "Possible fraud")
    with pytest.raises(NotAllowed):
        flags.take_back(flag, by(teammate))
    flags.take_back(flag, by(moderator))
    assert found(viewer, "has:flag") == set()
    with pytest.raises(Conflict):
        flags.take_back(flag, by(viewer))


def test_a_case_from_claim_to_outcome_and_back(row: CatalogSession, viewer: Person, moderator: Person) -> None:
    case = cases.claim(flagged(row, viewer), by(moderator))
    assert case.assignee == moderator.user and cases.claim(case, by(moderator)).version == case.version
    case = cases.resolve(case, by(moderator), "no_action", WHY)
    assert (case.state, case.outcome) == (State.RESOLVED, "no_action") and found(viewer, "has:flag") == set()
    case = cases.reopen(case, by(moderator))
    assert case.state == State.OPEN and found(viewer, "has:flag") == {"s-1"}
    done = [event.done for event in case.events.order_by("pk")]
    assert done == ["flagged it: Possible fraud", "claimed it", "resolved it: no action", "opened it again"]


def test_who_comes_second_is_told_who_was_first(row: CatalogSession, viewer: Person, moderator: Person) -> None:
    dana = person("dana", "moderator")
    case = flagged(row, viewer)
    cases.claim(case, by(dana), case.version)
    with pytest.raises(Conflict, match="dana claimed it just now"):
        cases.claim(case, by(moderator), case.version)
    case.refresh_from_db()
    assert case.assignee == dana.user
    case = cases.assign(case, by(moderator), moderator.user, case.version)
    with pytest.raises(Conflict, match="moderator assigned it to moderator"):
        cases.resolve(case, by(dana), "acted", WHY, case.version - 1)


def test_acts_that_are_not_possible(row: CatalogSession, viewer: Person, moderator: Person) -> None:
    case = flagged(row, viewer)
    with pytest.raises(Conflict):
        cases.resolve(case, by(moderator), "acted", WHY)
    with pytest.raises(Conflict):
        cases.give_back(case, by(moderator))
    with pytest.raises(Refused, match="at least 5"):
        cases.escalate(case, by(moderator), "hm")
    with pytest.raises(Refused, match="no moderator"):
        cases.assign(case, by(moderator), viewer.user)
    with pytest.raises(Refused, match="within a year"):
        cases.set_due(case, by(moderator), timezone.now())
    with pytest.raises(NotAllowed):
        cases.claim(case, by(viewer))
    cases.claim(case, by(moderator))
    with pytest.raises(Refused, match="what was decided"):
        cases.resolve(case, by(moderator), "delete everything", WHY)


def test_a_newer_case_keeps_the_old_one_closed(row: CatalogSession, viewer: Person, moderator: Person) -> None:
    old = cases.resolve(cases.claim(flagged(row, viewer), by(moderator)), by(moderator), "acted", WHY)
    new = flagged(row, viewer)
    assert new.pk != old.pk
    with pytest.raises(Conflict, match=f"a newer case, {new.pk}"):
        cases.reopen(old, by(moderator))


def test_a_hold_keeps_everybody_out(row: CatalogSession, owner: Person, teammate: Person, moderator: Person) -> None:
    measures.put(row, Standing.HOLD, by(moderator), WHY)
    assert found(teammate, "is:held") == {"s-1"}
    with pytest.raises(Conflict, match="moderator put the session on hold just now"):
        measures.put(row, Standing.HOLD, by(moderator), WHY)
    for user in (teammate.user, moderator.user, None):
        with pytest.raises(NotAllowed, match=f"On hold by moderator, just now: {WHY}"):
            check_is_open(user, row)
    with pytest.raises(NotAllowed, match="This conversation is paused") as told:
        check_is_open(owner.user, row)
    assert "moderator" not in str(told.value) and WHY not in str(told.value)
    measures.lift(row, Standing.HOLD, by(moderator), WHY)
    check_is_open(teammate.user, row)
    with pytest.raises(Conflict, match="moderator released the hold just now"):
        measures.lift(row, Standing.HOLD, by(moderator), WHY)


def test_what_is_hidden_is_there_for_moderators_alone(
    row: CatalogSession, owner: Person, teammate: Person, moderator: Person, admin: Person
) -> None:
    measures.put(row, Standing.HIDDEN, by(moderator), WHY)
    for who in (owner, teammate):
        assert not CatalogSession.objects.visible_to(who.user).exists()
        assert found(who, "is:hidden") == found(who, "tag:vip") == set()
    for who in (moderator, admin):
        assert found(who, "tag:vip") == set() and found(who, "tag:vip is:hidden") == {"s-1"}
    measures.lift(row, Standing.HIDDEN, by(moderator), WHY)
    assert found(teammate, "tag:vip") == {"s-1"}


def test_what_is_archived_is_found_when_asked_for(row: CatalogSession, owner: Person, moderator: Person) -> None:
    measures.put(row, Standing.ARCHIVED, by(moderator))
    assert found(owner, "") == found(owner, "tag:vip") == set()
    assert found(owner, "is:archived") == found(owner, "is:archived or -is:archived") == {"s-1"}


def test_a_suspended_user(row: CatalogSession, owner: Person, teammate: Person, moderator: Person) -> None:
    other = make_session(session_id="s-2", user_id="bob")
    measures.suspend("alice@example.com", by(moderator), WHY)
    with pytest.raises(NotAllowed, match="Your account is suspended"):
        check_is_open(owner.user, row)
    with pytest.raises(NotAllowed, match=f"alice@example.com is suspended by moderator, just now: {WHY}"):
        check_is_open(teammate.user, row)
    check_is_open(teammate.user, other)
    with pytest.raises(Conflict, match="moderator suspended this user just now"):
        measures.suspend("alice@example.com", by(moderator), WHY)
    measures.lift_suspension("alice@example.com", by(moderator), WHY)
    check_is_open(owner.user, row)


def test_taken_over_others_wait(row: CatalogSession, owner: Person, teammate: Person, moderator: Person) -> None:
    measures.put(row, Standing.TAKEOVER, by(moderator), WHY)
    check_is_open(moderator.user, row)
    with pytest.raises(NotAllowed, match="Taken over by moderator"):
        check_is_open(teammate.user, row)
    with pytest.raises(NotAllowed, match="A person is answering"):
        check_is_open(owner.user, row)
    assert found(teammate, "is:taken_over") == {"s-1"}


def test_check_can_continue_asks_what_stands(
    row: CatalogSession, moderator: Person, sources: Any, corpus_file: Any
) -> None:
    sources(f"lab=sqlite:///{corpus_file('agno-v3.db')}")
    check_can_continue(moderator.user, row)
    measures.put(row, Standing.HOLD, by(moderator), WHY)
    with pytest.raises(NotAllowed, match="On hold"):
        check_can_continue(moderator.user, row)


def test_tags_of_people_stand_beside_those_of_metadata(row: CatalogSession, teammate: Person) -> None:
    CatalogTerm.objects.get_or_create(session=row, term="tag:vip", updated_at=row.updated_at)
    for word in ("Refund", "vip", "Refund"):
        remarks.tag(row, by(teammate), word)
    assert found(teammate, "tag:Refund") == found(teammate, "tag:ref*") == found(teammate, "tag:vip") == {"s-1"}
    for word in ("Refund", "vip", "never there"):
        remarks.untag(row, by(teammate), word)
    assert found(teammate, "tag:ref*") == set() and found(teammate, "tag:vip") == {"s-1"}
    for word in ("", "x" * 61):
        with pytest.raises(Refused):
            remarks.tag(row, by(teammate), word)


def test_notes_are_for_colleagues(row: CatalogSession, owner: Person, viewer: Person, teammate: Person) -> None:
    note = remarks.note(row, by(teammate), f"{HOSTILE}\r\nsecond line")
    assert "second line" in note.text and "\0" not in note.text
    assert found(viewer, "has:note") == {"s-1"} and found(owner, "has:note") == set() == found(owner, "has:flag")
    assert found(owner, "-has:note") == {"s-1"}
    remarks.remove_note(note, by(teammate))
    assert found(viewer, "has:note") == set()
    with pytest.raises(NotAllowed):
        remarks.note(row, by(viewer), "no operator")
    with pytest.raises(NotAllowed):
        remarks.note(row, by(owner), "not of the team")


def test_stars_are_everybodys_own(row: CatalogSession, viewer: Person, owner: Person) -> None:
    remarks.star(row, by(viewer), on=True)
    remarks.star(row, by(viewer), on=True)
    assert found(viewer, "is:starred") == {"s-1"} and found(owner, "is:starred") == set()
    remarks.star(row, by(viewer), on=False)
    assert found(viewer, "is:starred") == set()


def test_the_last_thumb_counts(row: CatalogSession, viewer: Person) -> None:
    for up in (True, False):
        remarks.thumb(row, by(viewer), "r1", up)
    subject = Subject.objects.get()
    assert [thumb.is_up for thumb in subject.thumbs.all()] == [False]
    remarks.thumb(row, by(viewer), "r1", None)
    assert not subject.thumbs.exists()


def test_reasons_are_kept_by_moderators(row: CatalogSession, viewer: Person, moderator: Person) -> None:
    with pytest.raises(NotAllowed):
        flags.keep_reason(by(viewer), "Mine", 1)
    flags.keep_reason(by(moderator), "Spam", 12)
    with pytest.raises(Refused, match="already"):
        flags.keep_reason(by(moderator), "Spam", 12)
    reason = FlagReason.objects.get(name="Spam")
    flag = flags.flag(row, by(viewer), "Spam")
    flags.keep_reason(by(moderator), "Advertising", 12, reason, in_use=False)
    with pytest.raises(Refused, match="from the list"):
        flags.flag(make_session(), by(viewer), "Advertising")
    flag.refresh_from_db()
    assert flag.reason == "Spam"


def test_who_is_bound_or_has_no_role_flags_nothing(row: CatalogSession, owner: Person, stranger: Person) -> None:
    for who in (owner, stranger):
        with pytest.raises(NotAllowed):
            flags.flag(row, by(who), "Possible fraud")
    with pytest.raises(NotAllowed, match="another user"):
        remarks.star(row, by(stranger), on=True)
    assert not Flag.objects.exists() and not Subject.objects.exists()


@pytest.mark.parametrize("sentence", ["", "    ", "hm"])
def test_a_reason_says_something(sentence: str, row: CatalogSession, moderator: Person) -> None:
    with pytest.raises(Refused, match="Say why"):
        measures.put(row, Standing.HOLD, by(moderator), sentence)


def test_a_catalog_made_anew_keeps_it_all(sources: Any, corpus_file: Any, teammate: Person, moderator: Person) -> None:
    source = sources(f"lab=sqlite:///{corpus_file('agno-v3.db')}")[0]
    refresh_source(source)
    rows = list(CatalogSession.objects.order_by("pk")[:4])
    measures.put(rows[0], Standing.HOLD, by(moderator), WHY)
    measures.put(rows[1], Standing.HIDDEN, by(moderator), WHY)
    remarks.tag(rows[2], by(teammate), "Keep")
    flags.flag(rows[3], by(teammate), "Possible fraud")
    remarks.star(rows[3], by(teammate), on=True)
    before = dict(CatalogSession.objects.values_list("session_id", "marks"))
    terms = set(CatalogTerm.objects.values_list("session__session_id", "term"))
    rebuild(source)
    refresh_source(source)
    assert dict(CatalogSession.objects.values_list("session_id", "marks")) == before
    assert set(CatalogTerm.objects.values_list("session__session_id", "term")) == terms
    assert CatalogSession.objects.get(session_id=rows[1].session_id).aside == 2
    assert found(teammate, "tag:Keep") == {rows[2].session_id} and found(teammate, "is:starred has:flag") == {
        rows[3].session_id
    }
