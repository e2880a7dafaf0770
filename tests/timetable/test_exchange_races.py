"""An import beside people at work, on a database that lets them."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection, transaction

from tests.factories import AbsenceFactory, at
from timetable.enums import MeetingStatus
from timetable.locking import lock_meeting
from timetable.models import Meeting, Professor

from .bundle_files import changed, imported, with_line

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.postgresql]


def wait_until_somebody_waits():
    """Until a session waits for a lock that another one holds."""
    deadline = time.monotonic() + 20
    with connection.cursor() as cursor:
        while time.monotonic() < deadline:
            cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
            if cursor.fetchone()[0]:
                return
    raise AssertionError("nobody waited")


def import_in_a_thread(folder, files):
    def run():
        try:
            return imported(folder, files)
        finally:
            connection.close()

    threads = ThreadPoolExecutor(1)
    return threads.submit(run)


def test_a_change_in_progress_is_seen_by_the_import(tmp_path):
    """Whoever changes a meeting holds its row: the import waits, then leaves the meeting alone."""
    imported(tmp_path)
    with transaction.atomic():
        meeting = lock_meeting(Meeting.objects.order_by("starts_at")[0].pk)
        running = import_in_a_thread(tmp_path, changed(slots=None, meetings=None))
        wait_until_somebody_waits()
        meeting.status = MeetingStatus.DROPPED
        meeting.save(update_fields=["status"])
    report = running.result(timeout=30)
    assert [(kept["class"], kept["reason"]) for kept in report.kept] == [("MATH.A", "changed")]
    assert list(Meeting.objects.all()) == [meeting]


def test_a_booking_in_progress_is_seen_by_the_import(tmp_path):
    """It waits for the professor's row, as whoever books does, and only then looks who is busy."""
    imported(tmp_path)
    files = changed(meetings=with_line("meetings", "MATH.B,2027-03-04,14:00,15:00,,ADA"))
    with transaction.atomic():
        ada = Professor.objects.select_for_update().get(code="ADA")
        running = import_in_a_thread(tmp_path, files)
        wait_until_somebody_waits()
        moved = Meeting.objects.filter(offering__code="PHYS.X").order_by("starts_at")[0]
        moved.professor = ada
        moved.starts_at, moved.ends_at = at("2027-03-04 14:30"), at("2027-03-04 16:00")
        moved.save(update_fields=["professor", "starts_at", "ends_at"])
    report = running.result(timeout=30)
    assert report.overlaps == {"professor": 1, "room": 0}
    assert Meeting.objects.filter(overlap_tolerated=True).count() == 2


def test_filing_an_absence_does_not_wait_for_an_import(tmp_path):
    imported(tmp_path)
    with transaction.atomic():
        imported(tmp_path)

        def file_an_absence():
            try:
                with transaction.atomic():
                    with connection.cursor() as cursor:
                        cursor.execute("SET LOCAL lock_timeout = '5s'")
                    AbsenceFactory(professor=Professor.objects.get(code="ADA"))
            finally:
                connection.close()

        with ThreadPoolExecutor(1) as threads:
            threads.submit(file_an_absence).result(timeout=30)
