"""Generated requests, well formed and not: whatever comes, the answer is one that is documented.

A few for each endpoint at each run; `make fuzz` sends thousands, for each kind of caller.
"""

import uuid
from itertools import cycle

import pytest
import schemathesis
from django.core.wsgi import get_wsgi_application
from hypothesis import HealthCheck, settings

from reallocation.models import Case, Offer
from tests.factories import StaffFactory, WebhookDeliveryFactory, at
from tests.fuzz.answers import CHECKS
from tests.reallocation.calls import token_of
from voting import ballots
from voting.enums import BallotKind

pytestmark = pytest.mark.django_db

schema = schemathesis.openapi.from_wsgi("/api/openapi.json", get_wsgi_application())

EXAMPLES = 12


@pytest.fixture
def known(monkeypatch, settings, flow):
    """A case with an offer and an open vote, and the tokens of those who have to do with it, in turn."""
    monkeypatch.setattr("django.utils.timezone.now", lambda: flow.now)
    settings.API_REQUESTS_PER_MINUTE = 10**6
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
    staff = StaffFactory(institute=house.institute)
    delivery = WebhookDeliveryFactory(webhook__institute=house.institute, status="failed")
    involved = (house.professors["ADA"], house.professors["BEN"], house.students["A1"])
    people = [staff.user, *(person.user for person in involved)]
    ids = {
        "offer": str(Offer.objects.get().uid),
        "webhook": str(delivery.webhook.uid),
        "delivery_id": str(delivery.uid),
        "reallocation_id": str(case.uid),
        "unavailability_id": str(Case.objects.get().absence.uid),
        "institute_id": "northfield",
        "professor_id": "ADA",
        "assignment_id": "MATH.A",
        "substitute_professor_id": "EVE",
        "student_id": "A1",
        "new_time_slot_id": "4",
    }
    return cycle([token_of(user) for user in people]), ids


def made_real(request, ids):
    """Ids that are well formed become those of rows that exist: a made-up one leads nowhere."""
    if isinstance(request.body, dict) and not request.meta.generation.mode.is_negative:
        for name, value in request.body.items():
            if name in ids and isinstance(value, str):
                request.body[name] = ids[name]
    path = request.path_parameters or {}
    if "institute_id" in path:
        path["institute_id"] = ids["institute_id"]
    if "id" in path:
        try:
            uuid.UUID(str(path["id"]))
        except ValueError:
            return
        kinds = {"/offers/": "offer", "/webhooks/": "webhook"}
        found = [kind for part, kind in kinds.items() if part in request.path]
        path["id"] = ids[(found or ["reallocation_id"])[0]]


@schema.parametrize()
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    suppress_health_check=[*HealthCheck],
)
def test_every_answer_is_a_documented_one(case, known):
    callers, ids = known
    made_real(case, ids)
    # In-process, nobody unpacks what comes compressed.
    asked = {"Authorization": f"Bearer {next(callers)}", "Accept-Encoding": "identity"}
    response = case.call(headers=asked)
    case.validate_response(response, checks=CHECKS)
