"""Who gets which status where: every endpoint, every kind of caller, and every kind of token."""

import datetime as dt
import json

import pytest
from django.contrib.auth import SESSION_KEY
from django.db import transaction
from django.test import Client
from django.urls import reverse

from reallocation.api import api
from reallocation.models import Case, Offer, Webhook
from tests.factories import (
    StaffFactory,
    UserFactory,
    WebhookDeliveryFactory,
    at,
    small_institute,
)
from tests.reallocation.calls import ROOT, Program, program_of, token_of
from timetable import tokens
from timetable.enums import StaffRole, TokenScope
from timetable.models import Absence, AccessToken
from voting import ballots
from voting.enums import BallotKind

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def now(monkeypatch, flow):
    monkeypatch.setattr("django.utils.timezone.now", lambda: flow.now)


@pytest.fixture
def scene(flow):
    """Ada is away and Ben is asked; the class votes on something; elsewhere is another institute."""
    house = flow.house
    case = flow.case(names={house.meetings["MATH.A", "2027-03-02"].pk: house.professors["BEN"]})
    ballots.open_ballot(
        institute=house.institute,
        offering=house.classes["MATH.A"],
        kind=BallotKind.SUBSTITUTE,
        question="Shall Ben teach this class?",
        subject_uid=case.uid,
        closes_at=at("2027-03-01 20:00"),
        quorum_percent=25,
        now=flow.now,
    )
    WebhookDeliveryFactory(webhook__institute=house.institute, status="failed")
    elsewhere = small_institute("elsewhere")
    revoked = tokens.make(house.professors["ADA"].user, "old", TokenScope.values, now=flow.now)
    tokens.revoke(revoked.token, now=flow.now)
    return {
        "registrar": program_of(StaffFactory(institute=house.institute)),
        "auditor": program_of(StaffFactory(institute=house.institute, role=StaffRole.AUDITOR)),
        "absent": program_of(house.professors["ADA"]),
        "asked": program_of(house.professors["BEN"]),
        "peer": program_of(house.professors["EVE"]),
        "student": program_of(house.students["A1"]),
        "other class": program_of(house.students["B1"]),
        "elsewhere": program_of(elsewhere.professors["ADA"]),
        "their registrar": program_of(StaffFactory(institute=elsewhere.institute)),
        "nobody": program_of(UserFactory()),
        "anonymous": Program(),
        "revoked": Program(revoked.secret),
    }


ORDER = (
    *("registrar", "auditor", "absent", "asked", "peer", "student", "other class"),
    *("elsewhere", "their registrar", "nobody", "anonymous", "revoked"),
)
STRANGERS = (403, 401, 401)
ABROAD = (404, 404)
MATRIX = {
    "POST /professor-unavailability": (201, 403, 201, 403, 403, 403, 403, *ABROAD),
    "POST /assign-direct-substitute": (200, 404, 200, 404, 404, 404, 404, *ABROAD),
    "POST /student-vote": (403, 403, 403, 403, 403, 200, 403, *ABROAD),
    "POST /reschedule-class": (200, 403, 409, 403, 404, 403, 404, *ABROAD),
    "POST /weekend-class": (200, 403, 403, 403, 404, 403, 404, *ABROAD),
    "GET /reallocation-status/{id}": (200, 200, 200, 200, 404, 200, 404, *ABROAD),
    "GET /reallocation-status/{absence}": (200, 404, 200, 404, 404, 404, 404, *ABROAD),
    "GET /fairness-report/{institute_id}": (200, 200, 200, 200, 200, 404, 404, *ABROAD),
    "GET /cases": (200, 200, 200, 200, 200, 200, 200, 200, 200),
    "GET /cases/{id}/candidates": (200, 403, 200, 403, 404, 403, 404, *ABROAD),
    "GET /cases/{id}/slots": (200, 403, 200, 403, 404, 403, 404, *ABROAD),
    "GET /offers": (200, 200, 200, 200, 200, 200, 200, 200, 200),
    "POST /offers/{id}/accept": (403, 404, 404, 200, 404, 404, 404, *ABROAD),
    "POST /offers/{id}/decline": (403, 404, 404, 200, 404, 404, 404, *ABROAD),
    "GET /ballots": (200, 200, 200, 200, 200, 200, 200, 200, 200),
    "GET /meetings": (200, 200, 200, 200, 200, 200, 200, 200, 200),
    "GET /webhooks": (200, *[403] * 7, 200),
    "POST /webhooks": (201, *[403] * 7, 201),
    "DELETE /webhooks/{id}": (200, *[404] * 8),
    "POST /webhooks/{id}/secret": (200, *[404] * 8),
    "POST /webhooks/{id}/off": (200, *[404] * 8),
    "POST /webhooks/{id}/on": (409, *[404] * 8),
    "GET /webhooks/{id}/deliveries": (200, *[404] * 8),
    "POST /webhooks/{id}/replay": (200, *[404] * 8),
}


def bodies():
    case = Case.objects.get()
    target = {"reallocation_id": str(case.uid)}
    return {
        "POST /professor-unavailability": {
            "institute_id": "northfield",
            "professor_id": "ADA",
            "assignment_id": "MATH.A",
            "unavailability_date": "2027-03-03",
            "reason": "illness",
        },
        "POST /assign-direct-substitute": {
            "unavailability_id": str(case.absence.uid),
            "substitute_professor_id": "EVE",
            "professor_approval": True,
        },
        "POST /student-vote": {**target, "student_id": "A1", "vote": True},
        "POST /reschedule-class": {
            **target,
            "new_time_slot_id": "4",
            "new_date": "2027-03-04",
            "professor_approval": True,
        },
        "POST /weekend-class": {
            **target,
            "weekend_date": "2027-03-06",
            "student_approval": True,
        },
        "POST /webhooks": {"url": "https://hooks.example/new", "events": ["case.opened"]},
    }


def call(program, endpoint):
    """One call, whose effect is undone."""
    method, path = endpoint.split()
    case = Case.objects.get(absence__professor__code="ADA")
    path = path.replace("/webhooks/{id}", f"/webhooks/{Webhook.objects.get().uid}")
    path = path.replace("/offers/{id}", f"/offers/{Offer.objects.get().uid}")
    path = path.replace("{absence}", str(case.absence.uid)).replace("{id}", str(case.uid))
    path = path.replace("{institute_id}", "northfield")
    with transaction.atomic():
        match method:
            case "GET":
                said = program.get(path)
            case "DELETE":
                said = program.delete(path)
            case _:
                said = program.post(path, bodies().get(endpoint, {}))
        transaction.set_rollback(True)
    return said


@pytest.mark.parametrize("endpoint", MATRIX)
def test_everybody_gets_their_status(scene, endpoint):
    got = {name: call(scene[name], endpoint) for name in ORDER}
    expected = dict(zip(ORDER, (*MATRIX[endpoint], *STRANGERS), strict=True))
    assert {name: said.status for name, said in got.items()} == expected
    refused = [said.body for said in got.values() if said.status >= 400]
    assert [set(body) for body in refused] == [{"code", "message", "fields"}] * len(refused)


def test_the_table_names_every_endpoint():
    document = api.get_openapi_schema(path_prefix="")
    named = {
        f"{method.upper()} {path.removeprefix('/dynamic-reallocation')}"
        for path, methods in document["paths"].items()
        for method in methods
    }
    assert set(MATRIX) - {"GET /reallocation-status/{absence}"} == named


def test_lists_hold_only_what_is_one_s_own(scene):
    def counts(name):
        program = scene[name]
        lists = ("/cases", "/offers", "/ballots", "/meetings")
        return [
            len(
                program.get(path, **{"from": "2027-03-02"} if path == "/meetings" else {}).body[
                    "items"
                ]
            )
            for path in lists
        ]

    assert {name: counts(name) for name in ORDER[:9]} == {
        "registrar": [1, 1, 0, 7],
        "auditor": [1, 0, 0, 7],
        "absent": [1, 0, 0, 2],
        "asked": [1, 1, 0, 2],
        "peer": [0, 0, 0, 0],
        "student": [1, 0, 1, 4],
        "other class": [0, 0, 0, 3],
        "elsewhere": [0, 0, 0, 2],
        "their registrar": [0, 0, 0, 7],
    }


@pytest.mark.parametrize(
    ("scopes", "statuses"),
    [
        # reading, reading as a registrar, filing for oneself, acting as a registrar
        (["read"], [200, 404, 403, 403]),
        (["answer"], [403, 403, 201, 404]),
        # whoever registers may file for anybody: for themselves too
        (["registrar"], [403, 403, 201, 200]),
        (["read", "answer"], [200, 404, 201, 404]),
        (["read", "registrar"], [200, 200, 201, 200]),
    ],
)
def test_a_token_does_no_more_than_its_scopes(flow, scene, scopes, statuses):
    """Of somebody who both teaches and registers."""
    professor = flow.house.professors["EVE"]
    StaffFactory(institute=flow.house.institute, user=professor.user)
    program = program_of(professor, *scopes)
    case = Case.objects.get()
    absence = {**bodies()["POST /professor-unavailability"], "professor_id": "EVE"}
    del absence["assignment_id"]
    got = [
        program.get("/meetings"),
        program.get(f"/reallocation-status/{case.uid}"),
        program.post("/professor-unavailability", absence),
        program.post("/weekend-class", bodies()["POST /weekend-class"]),
    ]
    assert [said.status for said in got] == statuses


@pytest.mark.parametrize(
    "header",
    ["Bearer", "Bearer ", "Bearer x", "Bearer understudy_x", "Basic eDp5", "Bearer é", "Token x"],
)
def test_a_token_that_is_none_is_refused_even_beside_a_session(flow, header):
    client = Client()
    client.force_login(flow.house.professors["ADA"].user)
    assert client.get(ROOT + "/cases").status_code == 200
    response = client.get(ROOT + "/cases", headers={"Authorization": header})
    assert (response.status_code, response.json()["code"]) == (401, "unauthorized")
    assert response.headers["WWW-Authenticate"].startswith("Bearer")


def test_a_session_changes_nothing_without_its_csrf_token(flow):
    client = Client(enforce_csrf_checks=True)
    client.force_login(flow.house.professors["ADA"].user)
    data = json.dumps(
        {
            "institute_id": "northfield",
            "professor_id": "ADA",
            "unavailability_date": "2027-03-03",
            "reason": "illness",
        }
    )

    def file(**headers):
        path = ROOT + "/professor-unavailability"
        return client.post(path, data, content_type="application/json", headers=headers)

    refused = file()
    assert (refused.status_code, refused.json()["code"]) == (403, "csrf")
    assert not Absence.objects.exists()
    page = client.get(reverse("timetable:token-list"))
    secret = page.context["csrf_token"]
    assert file(**{"X-CSRFToken": str(secret)}).status_code == 201


def test_the_app_client_gives_tokens_that_die_with_the_session(flow):
    user = flow.house.professors["ADA"].user
    user.set_password("correct horse battery")
    user.save(update_fields=["password"])
    client = Client()

    def auth(path, data, **headers):
        return client.post(
            f"/_allauth/app/v1/{path}", data, content_type="application/json", headers=headers
        )

    said = auth("auth/login", {"email": user.email, "password": "correct horse battery"})
    assert said.status_code == 200, said.content
    meta = said.json()["meta"]
    program = Program(meta["access_token"])
    assert program.get("/cases").status == 200
    assert Program(meta["refresh_token"]).get("/cases").status == 401
    fresh = auth("tokens/refresh", {"refresh_token": meta["refresh_token"]})
    assert fresh.status_code == 200, fresh.content
    assert Program(fresh.json()["data"]["access_token"]).get("/cases").status == 200
    client.delete(
        "/_allauth/app/v1/auth/session", headers={"X-Session-Token": meta["session_token"]}
    )
    assert program.get("/cases").status == 401


def test_a_closed_account_has_no_access(flow):
    professor = flow.house.professors["ADA"]
    program = program_of(professor)
    professor.user.is_active = False
    professor.user.save(update_fields=["is_active"])
    assert program.get("/cases").status == 401


def test_somebody_at_two_institutes_names_the_one(flow):
    elsewhere = small_institute("elsewhere")
    professor = flow.house.professors["ADA"]
    elsewhere.professors["BEN"].user = professor.user
    elsewhere.professors["BEN"].save(update_fields=["user"])
    program = program_of(professor)
    days = {"from": "2027-03-02", "to": "2027-03-03"}

    def classes(**query):
        said = program.get("/meetings", **days, **query)
        return [one["assignment_id"] for one in said.body["items"]]

    assert classes() == classes(institute_id="northfield") == ["MATH.A", "MATH.A"]
    assert classes(institute_id="elsewhere") == ["PHYS.A", "PHYS.B"]


def test_too_many_requests_are_put_off(flow, settings):
    settings.API_REQUESTS_PER_MINUTE = 2
    professor = flow.house.professors["ADA"]
    program, other = program_of(professor), program_of(professor)
    assert [program.get("/cases").status for _ in range(3)] == [200, 200, 429]
    said = program.get("/cases")
    assert (said.code, 0 < int(said.headers["Retry-After"]) <= 60) == ("too_many_requests", True)
    assert other.get("/cases").status == 200
    flow.now += dt.timedelta(minutes=1)
    assert program.get("/cases").status == 200


def test_a_secret_is_kept_as_a_hash_and_its_use_as_a_day(flow):
    user = flow.house.professors["ADA"].user
    secret = token_of(user, "read")
    row = AccessToken.objects.get()
    assert secret not in str(AccessToken.objects.values().get())
    assert row.last_used_on is None
    Program(secret).get("/cases")
    row.refresh_from_db()
    assert row.last_used_on == flow.now.date()
    assert Program(secret[:-1]).get("/cases").status == 401


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("get", "/api/nothing", 404, "not_found"),
        ("get", "/api/", 404, "not_found"),
        ("delete", f"{ROOT}/webhooks/1%0A2", 404, "not_found"),
        ("get", f"{ROOT}/cases/1/slots", 404, "not_found"),
        ("delete", f"{ROOT}/cases", 405, "method_not_allowed"),
        ("get", f"{ROOT}/student-vote", 405, "method_not_allowed"),
        ("post", f"{ROOT}/offers/1/accept", 404, "not_found"),
        ("post", "/api/docs", 405, "method_not_allowed"),
    ],
)
def test_what_the_api_does_not_offer_is_refused_in_its_own_form(method, path, status, code):
    response = getattr(Client(enforce_csrf_checks=True), method)(path)
    assert (response.status_code, response.json()["code"]) == (status, code)


def test_a_body_that_is_no_json_is_refused(flow):
    program = program_of(flow.house.professors["ADA"])
    response = program.client.post(
        ROOT + "/student-vote", "{", content_type="application/json", headers=program.headers
    )
    assert (response.status_code, response.json()["code"]) == (400, "unreadable")


def test_what_breaks_is_logged_and_not_told(flow, monkeypatch):
    def broken(*args, **kwargs):
        raise RuntimeError("secret details")

    monkeypatch.setattr("reallocation.api.cases.newest_first", broken)
    said = program_of(flow.house.professors["ADA"]).get("/cases")
    assert (said.status, said.code, "secret" in str(said.body)) == (500, "internal", False)


def test_a_session_opened_by_the_api_is_none(flow):
    """A token signs nobody in."""
    program = program_of(flow.house.professors["ADA"])
    program.get("/cases")
    assert SESSION_KEY not in program.client.session
