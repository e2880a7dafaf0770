"""The ledger in the admin: read, searched and filtered by one's own institute's staff."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from tests.factories import (
    InstituteFactory,
    LedgerEntryFactory,
    MeetingFactory,
    OwedHoursFactory,
    ProfessorFactory,
    StaffFactory,
    TermFactory,
    UserFactory,
)
from timetable.enums import StaffRole

pytestmark = pytest.mark.django_db

PAGES = ("ledgerentry", "owedhours")


def admin(client, page="ledgerentry", name="changelist", *args, **query):
    return client.get(reverse(f"admin:fairness_{page}_{name}", args=args), query)


@pytest.fixture
def registrar(client):
    staff = StaffFactory(user=UserFactory(is_staff=True))
    client.force_login(staff.user)
    return staff


@pytest.fixture
def entries():
    """One line here, one elsewhere."""
    elsewhere = InstituteFactory(slug="southfield")
    return (
        LedgerEntryFactory(professor=ProfessorFactory(name="Ada Adler", department="Letters")),
        LedgerEntryFactory(
            professor=ProfessorFactory(name="Zoe Zander", institute=elsewhere),
            term=TermFactory(institute=elsewhere, name="Elsewhere 2027"),
        ),
    )


def test_a_registrar_reads_the_own_institutes_lines(client, registrar, entries):
    mine, theirs = entries
    page = admin(client).content.decode()
    assert "Ada Adler" in page
    assert "Zoe Zander" not in page
    assert "Elsewhere 2027" not in page
    assert admin(client, "ledgerentry", "change", mine.pk).status_code == 200
    assert admin(client, "ledgerentry", "change", theirs.pk).status_code == 302


def test_owed_hours_are_read_likewise(client, registrar):
    mine = OwedHoursFactory()
    term = TermFactory(institute=InstituteFactory(slug="southfield"))
    theirs = OwedHoursFactory(offering__term=term)
    page = admin(client, "owedhours").content.decode()
    assert (mine.offering.code in page, theirs.offering.code in page) == (True, False)


@pytest.mark.parametrize("department", ["Letters", "Sciences"])
def test_a_head_reads_the_lines_of_the_department(client, entries, department):
    head = StaffFactory(user=UserFactory(is_staff=True), role=StaffRole.HEAD, department=department)
    client.force_login(head.user)
    assert ("Ada Adler" in admin(client).content.decode()) == (department == "Letters")


def test_lines_are_searched_and_filtered(client, registrar, entries):
    mine, _ = entries
    for query in ({"q": "Ada"}, {"kind__exact": "given"}, {"term__id__exact": mine.term_id}):
        assert "1 ledger entry" in admin(client, **query).content.decode()
    assert "0 ledger entries" in admin(client, q="nobody").content.decode()


@pytest.mark.parametrize("superuser", [False, True])
@pytest.mark.parametrize("page", PAGES)
def test_nobody_changes_adds_or_deletes(client, registrar, entries, page, superuser):
    registrar.user.is_superuser = superuser
    registrar.user.save(update_fields=["is_superuser"])
    row = entries[0] if page == "ledgerentry" else OwedHoursFactory()
    assert admin(client, page, "add").status_code == 403
    assert admin(client, page, "delete", row.pk).status_code == 403
    change = reverse(f"admin:fairness_{page}_change", args=[row.pk])
    assert client.post(change, {"hours": "9"}).status_code == 403
    row.refresh_from_db()
    assert float(row.hours) == 1.5


def test_a_superuser_reads_all(client, entries):
    client.force_login(UserFactory(is_staff=True, is_superuser=True))
    page = admin(client).content.decode()
    assert "Ada Adler" in page
    assert "Zoe Zander" in page


@pytest.mark.parametrize("page", PAGES)
def test_whoever_has_no_role_reads_nothing(client, entries, page):
    client.force_login(UserFactory(is_staff=True))
    assert admin(client, page).status_code == 403
    client.force_login(entries[0].professor.user)
    assert admin(client, page).status_code == 302


@pytest.mark.parametrize("page", PAGES)
def test_lists_do_not_grow_in_queries(client, registrar, page):
    counts = []
    for _ in range(3):
        if page == "ledgerentry":
            LedgerEntryFactory(meeting=MeetingFactory())
        else:
            OwedHoursFactory()
        with CaptureQueriesContext(connection) as queries:
            admin(client, page)
        counts.append(len(queries))
    assert counts == counts[:1] * 3
