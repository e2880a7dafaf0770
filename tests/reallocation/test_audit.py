import datetime as dt
import hashlib
import json

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction

from reallocation import audit
from reallocation.audit import SYSTEM, NothingIsWritten, Verdict, Who
from reallocation.enums import ActorKind
from reallocation.models import AuditHead, LogEntry, LogEntryIsFinal
from tests.factories import NOW, CaseFactory, InstituteFactory, UserFactory
from timetable.models import User

pytestmark = pytest.mark.django_db


@pytest.fixture
def institute():
    return InstituteFactory()


def note(institute, *kinds, **more):
    """One block that records these kinds."""
    with audit.writing(institute):
        for kind in kinds:
            audit.record(kind, institute=institute, at=NOW, **more)


def chain(institute):
    return list(LogEntry.objects.filter(institute=institute).order_by("number"))


def kinds(institute):
    return [entry.kind for entry in chain(institute)]


def tamper(sql, *values):
    """Past the model: as somebody would who has the database."""
    with connection.cursor() as cursor:
        cursor.execute(sql, values)


# Writing ------------------------------------------------------------------------------------------


def test_entries_are_numbered_and_chained_in_the_order_of_recording(institute):
    note(institute, "one", "two")
    note(institute, "three")
    entries = chain(institute)
    assert [(e.number, e.kind) for e in entries] == [(1, "one"), (2, "two"), (3, "three")]
    assert [e.previous_hash for e in entries] == ["", entries[0].hash, entries[1].hash]
    head = AuditHead.objects.get()
    assert (head.number, head.hash) == (3, entries[2].hash)
    assert audit.verify(institute) == Verdict(3, True)


def test_an_entry_says_who_what_when_and_why(institute):
    case = CaseFactory(institute=institute)
    user = UserFactory(name="Regina Rall")
    who = Who.of(user, ActorKind.REGISTRAR)
    note(institute, "case.dropped", case=case, who=who, reason="a flood", data={"hours": 1.5})
    stored = LogEntry.objects.values(
        *("number", "at", "actor_kind", "actor_id", "actor_name", "kind", "reason", "data"),
        "case",
    ).get()
    assert stored == {
        "number": 1,
        "at": NOW,
        "actor_kind": "registrar",
        "actor_id": str(user.pk),
        "actor_name": "Regina Rall",
        "kind": "case.dropped",
        "case": case.pk,
        "reason": "a flood",
        "data": {"hours": 1.5},
    }
    assert Who.of(None, ActorKind.SCRIPT) == Who(ActorKind.SCRIPT)
    assert Who(ActorKind.SYSTEM, "", "") == SYSTEM


def test_the_hash_is_what_anybody_would_compute_from_the_content(institute):
    moment = dt.datetime(2027, 3, 1, 9, 30, 0, 123456, tzinfo=dt.UTC)
    data = {"b": [1, 2.5, None, True], "a": {"ü": "–"}}
    with audit.writing(institute):
        audit.record("one", institute=institute, at=moment, data=data, reason="ß")
    entry = LogEntry.objects.get()
    content = [
        *("", institute.pk, 1, "2027-03-01T09:30:00.123456+00:00", "system", "", "", "one"),
        *(None, "ß", data),
    ]
    text = json.dumps(content, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    assert entry.hash == hashlib.sha256(text.encode()).hexdigest()


def test_a_moment_of_another_zone_is_the_same_moment(institute):
    there = NOW.astimezone(dt.timezone(dt.timedelta(hours=5, minutes=30)))
    with audit.writing(institute):
        audit.record("one", institute=institute, at=there)
    assert audit.verify(institute) == Verdict(1, True)


def test_each_institute_has_a_chain_of_its_own(institute):
    other = InstituteFactory(slug="southbridge")
    with audit.writing(institute):
        audit.record("here", institute=institute, at=NOW)
        audit.record("there", institute=other, at=NOW)
        audit.record("here again", institute=institute, at=NOW)
    assert [(e.number, e.kind) for e in chain(institute)] == [(1, "here"), (2, "here again")]
    assert [(e.number, e.kind) for e in chain(other)] == [(1, "there")]
    assert audit.verify(institute) == Verdict(2, True)
    assert audit.verify(other) == Verdict(1, True)


def test_a_block_without_entries_writes_nothing(institute, django_assert_num_queries):
    with django_assert_num_queries(2), audit.writing(institute):
        """Two queries: a savepoint and its release."""
    assert not AuditHead.objects.exists()
    assert audit.verify(institute) == Verdict(0, True)


def test_the_price_of_a_block_does_not_grow_with_its_entries(institute, django_assert_num_queries):
    note(institute, "first")
    for n in (1, 20):
        with django_assert_num_queries(5):
            note(institute, *["more"] * n)


def test_outside_of_a_block_nothing_can_be_recorded(institute):
    with pytest.raises(NothingIsWritten, match="lonely"):
        audit.record("lonely", institute=institute, at=NOW)
    with audit.writing(institute):
        pass
    with pytest.raises(NothingIsWritten):
        audit.record("late", institute=institute, at=NOW)
    assert not LogEntry.objects.exists()


def test_nothing_is_appended_before_the_outermost_block_ends(institute):
    with audit.writing(institute):
        audit.record("one", institute=institute, at=NOW)
        with audit.writing(institute):
            audit.record("two", institute=institute, at=NOW)
        assert not LogEntry.objects.exists()
        audit.record("three", institute=institute, at=NOW)
    assert kinds(institute) == ["one", "two", "three"]


def test_a_nested_block_of_another_institute_joins_as_well(institute):
    other = InstituteFactory(slug="southbridge")
    with audit.writing(institute):
        with audit.writing(other):
            audit.record("there", institute=other, at=NOW)
        assert not LogEntry.objects.exists()
    assert (kinds(institute), kinds(other)) == ([], ["there"])


def fail(institute, *more):
    """A block that records, writes a row, and fails."""
    with audit.writing(institute):
        for one in (institute, *more):
            audit.record("lost", institute=one, at=NOW)
        UserFactory(email="half@done.example")
        raise ZeroDivisionError


def test_a_block_that_fails_leaves_nothing(institute):
    with pytest.raises(ZeroDivisionError):
        fail(institute)
    assert kinds(institute) == []
    assert not User.objects.filter(email="half@done.example").exists()
    note(institute, "after")
    assert [(e.number, e.kind) for e in chain(institute)] == [(1, "after")]


def test_a_nested_block_that_fails_takes_only_its_own_entries_along(institute):
    other = InstituteFactory(slug="southbridge")
    with audit.writing(institute):
        audit.record("before", institute=institute, at=NOW)
        with pytest.raises(ZeroDivisionError):
            fail(other, institute)
        audit.record("after", institute=institute, at=NOW)
    assert (kinds(institute), kinds(other)) == (["before", "after"], [])
    assert not User.objects.filter(email="half@done.example").exists()


def test_a_surrounding_transaction_that_is_rolled_back_takes_the_entries_along(institute):
    note(institute, "kept")
    with transaction.atomic():
        note(institute, "lost")
        transaction.set_rollback(True)
    note(institute, "next")
    assert [(e.number, e.kind) for e in chain(institute)] == [(1, "kept"), (2, "next")]
    assert audit.verify(institute) == Verdict(2, True)


# Entries are final --------------------------------------------------------------------------------


def test_entries_are_neither_changed_nor_deleted(institute):
    note(institute, "one")
    entry = LogEntry.objects.get()
    before = LogEntry.objects.values().get()
    entry.reason = "another"
    for attempt in (
        entry.save,
        entry.delete,
        LogEntry.objects.all().delete,
        LogEntry.objects.filter(pk=entry.pk).delete,
        lambda: LogEntry.objects.update(reason="another"),
        lambda: LogEntry.objects.bulk_update([entry], ["reason"]),
    ):
        with pytest.raises(LogEntryIsFinal), transaction.atomic():
            attempt()
    assert LogEntry.objects.values().get() == before


# The proof ----------------------------------------------------------------------------------------


@pytest.fixture
def five(institute):
    case = CaseFactory(institute=institute)
    who = Who(ActorKind.PROFESSOR, "7", "Ada Adler")
    note(institute, *"abcde", case=case, who=who, reason="because", data={"n": 1})
    assert audit.verify(institute) == Verdict(5, True)
    return institute


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("at", "2027-03-01 08:00:01"),
        ("actor_kind", "registrar"),
        ("actor_id", "8"),
        ("actor_name", "Ben Baker"),
        ("kind", "x"),
        ("case_id", None),
        ("reason", "no reason"),
        ("data", '{"n": 2}'),
        ("hash", "0" * 64),
        ("previous_hash", "0" * 64),
    ],
)
def test_a_changed_column_is_found(five, column, value):
    tamper(f"UPDATE reallocation_logentry SET {column} = %s WHERE number = 3", value)  # noqa: S608
    assert audit.verify(five) == Verdict(2, False, 3, "changed")


def test_a_column_changed_together_with_its_hash_is_found_at_the_next_entry(five):
    forged = LogEntry.objects.get(number=3)
    forged.reason = "no reason"
    tamper(
        "UPDATE reallocation_logentry SET reason = %s, hash = %s WHERE number = 3",
        *("no reason", audit.digest(forged)),
    )
    assert audit.verify(five) == Verdict(3, False, 4, "changed")


def test_the_last_entry_changed_together_with_its_hash_is_found_by_the_end_of_the_chain(five):
    forged = LogEntry.objects.get(number=5)
    forged.reason = "no reason"
    tamper(
        "UPDATE reallocation_logentry SET reason = %s, hash = %s WHERE number = 5",
        *("no reason", audit.digest(forged)),
    )
    assert audit.verify(five) == Verdict(4, False, 5, "changed")


@pytest.mark.parametrize("number", [1, 3])
def test_a_deleted_entry_is_found(five, number):
    tamper("DELETE FROM reallocation_logentry WHERE number = %s", number)
    assert audit.verify(five) == Verdict(number - 1, False, number, "missing")


@pytest.mark.parametrize("kept", [0, 4])
def test_a_tail_that_was_cut_off_is_found(five, kept):
    tamper("DELETE FROM reallocation_logentry WHERE number > %s", kept)
    assert audit.verify(five) == Verdict(kept, False, kept + 1, "missing")


def test_a_deleted_entry_with_all_others_renumbered_is_found(five):
    tamper("DELETE FROM reallocation_logentry WHERE number = 3")
    tamper("UPDATE reallocation_logentry SET number = 3 WHERE number = 4")
    tamper("UPDATE reallocation_logentry SET number = 4 WHERE number = 5")
    assert audit.verify(five) == Verdict(2, False, 3, "changed")


def test_two_entries_that_were_swapped_are_found(five):
    for old, new in ((2, 99), (4, 2), (99, 4)):
        tamper("UPDATE reallocation_logentry SET number = %s WHERE number = %s", new, old)
    assert audit.verify(five) == Verdict(1, False, 2, "changed")


def test_an_entry_added_past_the_log_is_found_though_it_is_well_chained(five):
    last = LogEntry.objects.get(number=5)
    forged = LogEntry(
        institute=five, number=6, at=NOW, kind="f", actor_kind="system", previous_hash=last.hash
    )
    forged.hash = audit.digest(forged)
    forged.save()
    assert audit.verify(five) == Verdict(5, False, 6, "added")


def test_entries_moved_to_another_institute_are_found(five):
    other = InstituteFactory(slug="southbridge")
    tamper("UPDATE reallocation_logentry SET institute_id = %s", other.pk)
    assert audit.verify(five) == Verdict(0, False, 1, "missing")
    assert audit.verify(other) == Verdict(0, False, 1, "changed")


def test_what_is_appended_while_the_chain_is_read_is_no_fault(five, monkeypatch):
    """The end is read first: then somebody appends, and only then the entries are read."""
    read = audit._end

    def then_append(institute):
        end = read(institute)
        monkeypatch.setattr(audit, "_end", read)
        note(institute, "meanwhile")
        return end

    monkeypatch.setattr(audit, "_end", then_append)
    assert audit.verify(five) == Verdict(6, True)


def test_a_verdict_is_said_in_a_sentence():
    assert Verdict(5, True).sentence() == "The chain of 5 entries is whole."
    assert [Verdict(2, False, 3, why).sentence() for why in ("changed", "missing", "added")] == [
        "The chain is broken: entry 3 was changed.",
        "The chain is broken: entry 3 is missing.",
        "The chain is broken: entry 3 was added from outside.",
    ]


def test_a_long_chain_is_read_in_one_go(institute, django_assert_num_queries):
    note(institute, *["more"] * 30)
    with django_assert_num_queries(3):
        assert audit.verify(institute) == Verdict(30, True)


# The command --------------------------------------------------------------------------------------


def verify_audit(capsys, *arguments):
    """What the command prints, and its exit code."""
    code = 0
    try:
        call_command("verify_audit", *arguments)
    except SystemExit as end:
        code = end.code
    printed = capsys.readouterr()
    return printed.out, printed.err, code


def test_the_command_says_that_all_chains_hold(five, capsys):
    note(InstituteFactory(slug="southbridge"), "one", "two")
    assert verify_audit(capsys, "--json") == ('{"entries": 7, "ok": true}\n', "", 0)
    assert verify_audit(capsys) == ("7 entries, the chain is whole.\n", "", 0)
    assert verify_audit(capsys, "southbridge", "--json") == ('{"entries": 2, "ok": true}\n', "", 0)


def test_the_command_names_the_first_broken_entry_and_fails(five, capsys):
    tamper("DELETE FROM reallocation_logentry WHERE number = 4")
    out, err, code = verify_audit(capsys, "--json")
    found = {"entries": 3, "ok": False, "broken": 4, "why": "missing", "institute": "northfield"}
    assert (json.loads(out), err, code) == (found, "", 1)
    said = "northfield: The chain is broken: entry 4 is missing.\n"
    assert verify_audit(capsys, "northfield") == ("", said, 1)


def test_a_broken_chain_elsewhere_is_not_this_institutes_fault(five, capsys):
    note(InstituteFactory(slug="southbridge"), "one")
    tamper("DELETE FROM reallocation_logentry WHERE number = 4")
    assert verify_audit(capsys, "southbridge", "--json")[2] == 0
    assert verify_audit(capsys, "--json")[2] == 1


def test_the_command_knows_its_institutes(five, capsys):
    with pytest.raises(CommandError, match="There is no institute “nowhere”"):
        call_command("verify_audit", "nowhere", "--json")
    assert capsys.readouterr().out == ""
