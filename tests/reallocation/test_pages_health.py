import datetime as dt
import json

import pytest
from django.db import connection
from django.utils import timezone
from django_q.models import Failure, Success

from reallocation import health
from reallocation.enums import DeliveryStatus
from reallocation.schedules import SWEEP
from tests.factories import DeliveryFactory

pytestmark = pytest.mark.django_db

MINUTE = dt.timedelta(minutes=1)
ALL = ["database", "migrations", "sweep", "outbox"]


@pytest.fixture
def now():
    return timezone.now()


def swept(at, model=Success, success=True):
    return model.objects.create(
        id=f"{at.timestamp()}", name="sweep", func=SWEEP, started=at, stopped=at, success=success
    )


def wrong(now):
    return {check.name: check.why for check in health.readiness(now) if not check.ok}


def test_the_process_says_that_it_is_up_without_asking_the_database(
    client, django_assert_num_queries
):
    with django_assert_num_queries(0):
        response = client.get("/healthz")
    assert (response.status_code, response.json()) == (200, {"ok": True})


def test_all_is_well(client, now):
    swept(now)
    response = client.get("/readyz")
    assert response.status_code == 200
    assert response.json() == {
        "ok": True,
        "checks": {name: {"ok": True, "why": ""} for name in ALL},
    }


def test_an_installation_whose_sweep_does_not_run_is_not_ready(client, now):
    response = client.get("/readyz")
    assert response.status_code == 503
    body = json.loads(response.content)
    assert body["ok"] is False
    assert body["checks"]["sweep"] == {
        "ok": False,
        "why": "no sweep has run in the last 3 minutes",
    }


def test_an_old_sweep_and_one_that_failed_do_not_count(now):
    swept(now - 4 * MINUTE)
    assert list(wrong(now)) == ["sweep"]
    swept(now, Failure, success=False)
    assert list(wrong(now)) == ["sweep"]
    swept(now - 2 * MINUTE)
    assert wrong(now) == {}


def test_messages_that_nobody_hands_over_are_reported(now):
    swept(now)
    DeliveryFactory(due_at=now - 16 * MINUTE)
    DeliveryFactory(
        due_at=now - 30 * MINUTE, status=DeliveryStatus.SENDING, claimed_at=now - 20 * MINUTE
    )
    assert wrong(now) == {"outbox": "2 messages have been due for too long"}


def test_messages_that_wait_for_another_try_are_not_stuck(now):
    swept(now)
    DeliveryFactory(due_at=now + 60 * MINUTE)
    DeliveryFactory(due_at=now - MINUTE)
    DeliveryFactory(due_at=now - 60 * MINUTE, status=DeliveryStatus.SENT)
    DeliveryFactory(due_at=now - 60 * MINUTE, status=DeliveryStatus.FAILED)
    assert wrong(now) == {}


def test_a_migration_that_is_missing_is_reported(now):
    swept(now)
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM django_migrations WHERE app = 'reallocation'")
    assert "migrations" in wrong(now)


def test_health_is_asked_for_and_never_posted(client):
    assert client.post("/healthz").status_code == 405
    assert client.post("/readyz").status_code == 405
