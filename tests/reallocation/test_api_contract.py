"""What holds for every endpoint: its description, keys that make a write happen once, entity tags."""

import datetime as dt
import re

import pytest
from django.db import IntegrityError
from django.test import Client
from django.urls import reverse

from reallocation.api import api, contract
from reallocation.models import Case
from tests.factories import StaffFactory
from tests.reallocation.calls import Program, program_of, token_of
from tests.voting.crowd import at_once
from timetable.models import Absence, StoredAnswer

KEY = {"Idempotency-Key": "7d1c"}
ABSENCE = {
    "institute_id": "northfield",
    "professor_id": "ADA",
    "assignment_id": "MATH.A",
    "unavailability_date": "2027-03-02",
    "reason": "illness",
}


@pytest.fixture(autouse=True)
def now(monkeypatch, flow):
    monkeypatch.setattr("django.utils.timezone.now", lambda: flow.now)


@pytest.fixture
def ada(flow):
    return program_of(flow.house.professors["ADA"])


def file(program, headers=KEY, **changes):
    return program.post("/professor-unavailability", {**ABSENCE, **changes}, headers=headers)


def test_the_same_key_does_the_same_once(ada):
    first, second = file(ada), file(ada)
    assert (first.status, second.status) == (201, 201)
    assert first.body == second.body
    assert ("Idempotent-Replayed" in first.headers, second.headers["Idempotent-Replayed"]) == (
        False,
        "true",
    )
    assert Absence.objects.count() == Case.objects.count() == 1


def test_a_refusal_is_kept_too(ada, flow):
    assert file(ada, headers={}).status == 201
    refused = file(ada)
    assert (refused.status, refused.code) == (409, "absence_overlaps")
    Absence.objects.get().professor.absences.update(withdrawn_at=flow.now)
    assert file(ada).body == refused.body
    assert file(ada, headers={"Idempotency-Key": "another"}).status == 201


def test_a_key_belongs_to_one_request(ada):
    file(ada)
    said = file(ada, reason="family")
    assert (said.status, said.code, list(said.body["fields"])) == (
        422,
        "key_reused",
        ["Idempotency-Key"],
    )


def test_a_key_belongs_to_one_person(ada, flow):
    file(ada)
    registrar = program_of(StaffFactory(institute=flow.house.institute))
    assert file(registrar).code == "absence_overlaps"


def test_a_key_is_forgotten_after_a_day(ada, flow):
    file(ada)
    flow.now += contract.KEPT
    assert file(ada).status == 201
    flow.now += dt.timedelta(seconds=1)
    assert file(ada).status == 409


@pytest.mark.parametrize("key", ["", "a b", "é", "x" * 201])
def test_a_key_is_visible_ascii(ada, key):
    said = file(ada, headers={"Idempotency-Key": key})
    assert (said.status, list(said.body["fields"])) == (422, ["Idempotency-Key"])


def test_what_breaks_leaves_no_answer_behind(ada, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr("reallocation.audit._append", lambda *_: 1 / 0)
        assert file(ada).status == 500
    assert not StoredAnswer.objects.exists()
    assert not Absence.objects.exists()
    assert file(ada).status == 201


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("crowd", [50])
def test_fifty_at_once_have_one_effect_and_one_answer(flow, crowd):
    secret = token_of(flow.house.professors["ADA"].user)
    said = at_once(*[lambda: file(Program(secret))] * crowd)
    assert [one for one in said if isinstance(one, Exception)] == []
    assert [one.status for one in said] == [201] * crowd
    assert [one.body for one in said] == [said[0].body] * crowd
    assert sum("Idempotent-Replayed" in one.headers for one in said) == crowd - 1
    assert (Absence.objects.count(), Case.objects.count()) == (1, 1)


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_without_the_key_they_would_be_refused(flow):
    """The control: it is the key, and not the overlap, that gives all of them the same answer."""
    secret = token_of(flow.house.professors["ADA"].user)
    said = at_once(*[lambda: file(Program(secret), headers={})] * 8)
    assert sorted(one.status for one in said) == [201, *[409] * 7]


@pytest.mark.parametrize(
    "path", ["/cases", "/offers", "/ballots", "/meetings", "/fairness-report/northfield"]
)
def test_what_has_not_changed_is_not_sent_again(ada, path, flow):
    first = ada.get(path)
    tag = first.headers["ETag"]
    again = ada.get(path, headers={"If-None-Match": f'"other", {tag}'})
    assert (again.status, again.body, again.headers["ETag"]) == (304, None, tag)
    flow.file()
    assert ada.get("/cases", headers={"If-None-Match": tag}).status == 200


@pytest.fixture
def document(db):
    return Client().get("/api/openapi.json").json()


def endpoints(document):
    return [
        (method, path, told)
        for path, methods in document["paths"].items()
        for method, told in methods.items()
    ]


def test_the_document_names_the_published_endpoints(document):
    root = "/api/dynamic-reallocation"
    assert {(method, path.removeprefix(root)) for method, path, _ in endpoints(document)} == {
        ("post", "/professor-unavailability"),
        ("post", "/assign-direct-substitute"),
        ("post", "/student-vote"),
        ("post", "/reschedule-class"),
        ("post", "/weekend-class"),
        ("get", "/reallocation-status/{id}"),
        ("get", "/fairness-report/{institute_id}"),
        ("get", "/cases"),
        ("get", "/cases/{id}/candidates"),
        ("get", "/cases/{id}/slots"),
        ("get", "/offers"),
        ("post", "/offers/{id}/accept"),
        ("post", "/offers/{id}/decline"),
        ("get", "/ballots"),
        ("get", "/meetings"),
        ("get", "/webhooks"),
        ("post", "/webhooks"),
        ("delete", "/webhooks/{id}"),
        ("post", "/webhooks/{id}/secret"),
        ("post", "/webhooks/{id}/off"),
        ("post", "/webhooks/{id}/on"),
        ("get", "/webhooks/{id}/deliveries"),
        ("post", "/webhooks/{id}/replay"),
    }


def test_each_endpoint_tells_every_error_in_the_one_form(document):
    problem = {"$ref": "#/components/schemas/ProblemOut"}
    for method, path, told in endpoints(document):
        answers = told["responses"]
        errors = {status for status in answers if status >= "400"}
        wanted = {"401", "403", "422", "429"} | ({"400", "409"} if method == "post" else {"404"})
        assert wanted - errors == (set()), path
        for status in errors:
            assert answers[status]["content"]["application/json"]["schema"] == problem, path
            assert answers[status]["description"].startswith("`"), (path, status)
        assert told["summary"], path
        assert told["description"], path


def test_the_published_fields_are_as_promised(document):
    schemas = document["components"]["schemas"]

    def fields(name):
        required = set(schemas[name].get("required", []))
        return {field: field in required for field in schemas[name]["properties"]}

    assert fields("UnavailabilityIn") == {
        "institute_id": True,
        "professor_id": True,
        "assignment_id": False,
        "unavailability_date": True,
        "reason": True,
        "ends_at": False,
        "substitute_professor_id": False,
        "note": False,
    }
    target = {"unavailability_id": False, "reallocation_id": False}
    assert fields("SubstituteIn") == {
        **target,
        "substitute_professor_id": True,
        "professor_approval": True,
    }
    assert fields("VoteIn") == dict.fromkeys(["reallocation_id", "student_id", "vote"], True)
    assert fields("RescheduleIn") == {
        **target,
        "new_time_slot_id": True,
        "new_date": True,
        "professor_approval": True,
        "reason": False,
    }
    assert fields("WeekendIn") == {
        **target,
        "weekend_date": True,
        "student_approval": True,
        "reason": False,
    }


def test_codes_that_the_domain_knows_are_documented(document):
    """Whoever adds a refusal to one of these functions adds it to the reference."""
    text = str(document)
    for name in ("reallocation.absences.file", "reallocation.answers.accept"):
        module, function = name.rsplit(".", 1)
        doc = getattr(__import__(module, fromlist=[function]), function).__doc__
        raised = re.findall(r"[a-z]+(?:_[a-z]+)+", doc.partition("Raises Refused:")[2])
        missing = {code for code in raised if f"`{code}`" not in text} - {"outside_absence"}
        assert missing == set()


@pytest.mark.django_db
def test_the_page_explains_every_endpoint_without_anything_inline(document):
    response = Client().get("/api/docs")
    page = response.content.decode()
    assert response.status_code == 200
    for _method, path, told in endpoints(document):
        assert f'id="{told["operationId"]}"' in page
        assert f"<code>{path}</code>" in page
    assert not re.search(
        r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=|=\s*[\"']?https?://(?!testserver)", page
    )
    assert "script-src 'self'" in response.headers["Content-Security-Policy"]


@pytest.mark.django_db
def test_the_page_shows_every_schema_and_leads_to_it(document):
    page = Client().get("/api/docs").content.decode()
    for name, schema in document["components"]["schemas"].items():
        assert f'id="{name}"' in page
        for value in schema.get("enum", []):
            assert f"<code>{value}</code>" in page
    assert 'href="#CaseStatus">CaseStatus</a>' in page
    assert 'href="#MeetingOut">[MeetingOut]</a>' in page
    places = set(re.findall(r'id="([^"]+)"', page))
    assert set(re.findall(r'href="#([^"]+)"', page)) - places == set()


@pytest.mark.django_db
def test_the_page_shows_code_as_code(document):
    page = Client().get("/api/docs").content.decode()
    main = page.partition("<main")[2].partition("</main>")[0]
    assert "`" not in main
    assert "<code>Authorization: Bearer &lt;token&gt;</code>" in main


@pytest.mark.django_db
def test_a_key_already_taken_is_no_other_fault(flow):
    """Only the key's own constraint counts as taken."""
    user = flow.house.professors["ADA"].user
    row = contract._taken(user.pk, "k", "h")
    with pytest.raises(contract._AnsweredBefore):
        contract._taken(user.pk, "k", "h")
    with pytest.raises(IntegrityError):
        StoredAnswer.objects.create(user=user, key="k", request_hash="h", created_at=row.created_at)


def test_the_document_is_made_once_and_stays(document):
    assert document["openapi"].startswith("3.1")
    assert document["info"]["title"] == api.title
    assert reverse("api:openapi-json") == "/api/openapi.json"
    assert reverse("api:openapi-view") == "/api/docs"
