"""The small institute at work: cases opened and advanced with the clock in the test's hand."""

import datetime as dt

from reallocation import absences
from reallocation.models import Case
from reallocation.sweep import advance_due, sweep
from tests.factories import at


class Workflow:
    """File, tick, look: what the tests of the ladder do, with a clock that they turn."""

    def __init__(self, house):
        self.house = house
        self.now = at("2027-03-01 09:00")

    def file(self, professor="ADA", starts="2027-03-02 00:00", ends="2027-03-03 00:00", **request):
        return absences.file(
            self.house.professors[professor],
            absences.Request(at(starts), at(ends), **request),
            now=self.now,
        )

    def case(self, **filed):
        """The single case of an absence that affects one meeting, moved as far as it goes by itself."""
        (case,) = self.file(**filed).cases
        self.settle()
        return self.again(case)

    def settle(self):
        _, failed = advance_due(self.now)
        assert failed == 0

    def tick(self, to=None, **delta):
        """Turn the clock and sweep."""
        self.now = at(to) if to else self.now + dt.timedelta(**delta)
        swept = sweep(self.now)
        assert swept.failed == 0
        return swept

    def past(self, case):
        """Turn the clock to the deadline of whatever the case waits for."""
        self.now = self.again(case).deadline
        assert sweep(self.now).failed == 0
        return self.again(case)

    @staticmethod
    def again(case):
        return Case.objects.for_list().get(pk=case.pk)

    @staticmethod
    def offers(case):
        return [(o.professor.code, o.status) for o in case.offers.order_by("pk")]

    @staticmethod
    def records(case):
        return [(r.step, r.result, r.reason.get("code", "")) for r in case.records.all()]
