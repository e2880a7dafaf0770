"""The log in the admin: taken out, and proved."""

import csv
import hashlib
import io
import json

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from reallocation import audit
from reallocation.models import (
    AuditHead,
    LogEntry,
)
from tests.factories import (
    UserFactory,
)
from tests.reallocation.office import list_url, login, rows, staff
from timetable.enums import StaffRole

pytestmark = pytest.mark.django_db


def export(client, form, query=""):
    response = client.get(reverse("admin:reallocation_logentry_export", args=[form]) + query)
    assert response.status_code == 200
    assert response.streaming
    assert response["Content-Disposition"] == f'attachment; filename="understudy-log.{form}"'
    return b"".join(response.streaming_content).decode()


def json_lines(client, query=""):
    return [json.loads(line) for line in export(client, "jsonl", query).splitlines()]


def test_an_export_holds_all_that_is_needed_to_prove_the_chain(office, elsewhere, registrar):
    lines = json_lines(registrar)
    assert [line["number"] for line in lines] == list(range(1, len(lines) + 1))
    assert {line["institute"] for line in lines} == {"northfield"}
    previous = ""
    for line in lines:
        content = [
            *(previous, line["institute_id"], line["number"], line["at"], line["actor_kind"]),
            *(line["actor_id"], line["actor_name"], line["kind"], line["case_id"]),
            *(line["reason"], line["data"]),
        ]
        text = json.dumps(content, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
        previous = hashlib.sha256(text.encode()).hexdigest()
        assert line["hash"] == previous
    assert previous == AuditHead.objects.get(institute=office.house.institute).hash


def test_an_export_is_what_the_list_shows_all_pages_of_it(office, elsewhere, registrar):
    for query in ("", "?kind=offer", "?q=Ben+Baker", f"?case={office.found.uid}&kind=step"):
        shown = rows(registrar, LogEntry, query)
        found = [line["hash"] for line in json_lines(registrar, query)]
        assert sorted(found) == sorted(entry.hash for entry in shown)
    assert json_lines(registrar, f"?case={elsewhere.found.uid}") == []
    assert (
        len(json_lines(registrar, "?p=1"))
        == LogEntry.objects.filter(institute=office.house.institute).count()
    )


def test_a_spreadsheet_reads_the_log(office, registrar):
    text = export(registrar, "csv", "?kind=offer.declined")
    assert text.startswith("\ufeffinstitute,number,at,")
    (line,) = csv.DictReader(io.StringIO(text.removeprefix("\ufeff")))
    entry = LogEntry.objects.get(kind="offer.declined")
    assert line == {
        "institute": "northfield",
        "number": str(entry.number),
        "at": "2027-03-01T08:00:00.000000+00:00",
        "actor_kind": "professor",
        "actor_id": str(office.house.professors["BEN"].user.pk),
        "actor_name": "Ben Baker",
        "kind": "offer.declined",
        "case": str(office.found.uid),
        "class": "MATH.A",
        "reason": "",
        "data": '{"name": "Ben Baker", "professor": "BEN"}',
        "institute_id": str(office.house.institute.pk),
        "case_id": str(office.found.pk),
        "previous_hash": entry.previous_hash,
        "hash": entry.hash,
    }


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\rx"])
def test_a_spreadsheet_runs_nothing_that_somebody_wrote(office, registrar, text):
    with audit.writing(office.house.institute):
        audit.record(
            "case.dropped",
            institute=office.house.institute,
            at=office.now,
            reason=text,
            data={"hours": 1, "reason": {"code": "no_slot"}},
        )
    (line,) = csv.DictReader(
        io.StringIO(export(registrar, "csv", "?kind=case.dropped"), newline="")
    )
    assert line["reason"] == f"'{text}"
    (exact,) = json_lines(registrar, "?kind=case.dropped")
    assert exact["reason"] == text


def test_an_export_takes_as_many_queries_for_many_entries_as_for_few(office, registrar):
    taken = []
    for _ in range(2):
        with CaptureQueriesContext(connection) as captured:
            export(registrar, "jsonl")
        taken.append(len(captured))
        office.case(professor="BEN" if len(taken) == 1 else "DAN")
    assert taken[0] == taken[1]


def test_only_who_reads_the_log_takes_it_out(office):
    url = reverse("admin:reallocation_logentry_export", args=["csv"])
    assert staff(office, StaffRole.AUDITOR).get(url).status_code == 200
    assert staff(office, StaffRole.HEAD).get(url).status_code == 403
    assert Client().get(url).status_code == 302
    auditor = staff(office, StaffRole.AUDITOR)
    assert auditor.post(url).status_code == 405
    for form, status in (("xml", 404), ("csv?case=1", 404)):
        url = reverse("admin:reallocation_logentry_export", args=[form])
        assert auditor.get(url).status_code == status
    wrong = reverse("admin:reallocation_logentry_export", args=["csv"]) + "?case=nonsense"
    assert auditor.get(wrong).status_code == 302


def verify(client):
    response = client.post(reverse("admin:reallocation_logentry_verify"), follow=True)
    assert response.redirect_chain == [(list_url(LogEntry), 302)]
    return [(message.level_tag, str(message)) for message in response.context["messages"]]


def test_a_registrar_has_the_own_chain_proved(office, elsewhere, registrar):
    n = LogEntry.objects.filter(institute=office.house.institute).count()
    whole = ("success", f"Northfield University: The chain of {n} entries is whole.")
    assert verify(registrar) == [whole]
    with connection.cursor() as cursor:
        cursor.execute("UPDATE reallocation_logentry SET reason = 'x' WHERE number = 2")
    broken = "The chain is broken: entry 2 was changed."
    assert verify(registrar) == [("error", f"Northfield University: {broken}")]
    assert len(verify(login(UserFactory(is_staff=True, is_superuser=True)))) == 2


def test_the_proof_is_asked_for_by_a_form_and_by_those_who_read_the_log(office, registrar):
    url = reverse("admin:reallocation_logentry_verify")
    assert registrar.get(url).status_code == 405
    assert staff(office, StaffRole.HEAD).post(url).status_code == 403
    careful = Client(enforce_csrf_checks=True)
    careful.force_login(UserFactory(is_staff=True, is_superuser=True))
    assert careful.post(url).status_code == 403
