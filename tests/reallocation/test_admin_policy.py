"""The institute's rules: set by its registrars, refused at their fields, and logged."""

import datetime as dt

import pytest
from django.urls import reverse

from reallocation import audit
from reallocation.models import (
    LogEntry,
    Policy,
)
from reallocation.policy import policy_of
from tests.factories import (
    UserFactory,
)
from tests.reallocation.office import list_url, of, page_url, read, staff
from timetable.enums import StaffRole

pytestmark = pytest.mark.django_db


def rules(institute, /, **changes):
    """What the form sends: the rules as they are, with changes."""
    policy = policy_of(institute)
    names = [f.name for f in Policy._meta.fields if f.name not in {"id", "institute", "hide_count"}]
    values = {name: getattr(policy, name) for name in names}
    times = {n: f"{v:%H:%M}" for n, v in values.items() if isinstance(v, dt.time)}
    return {**values, **times, **changes}


def changes_logged(institute):
    kinds = LogEntry.objects.filter(institute=institute, kind="policy.changed")
    return [(entry.actor_name, entry.data) for entry in kinds.order_by("number")]


def test_an_institute_without_rules_of_its_own_reads_which_hold(office, registrar):
    said = "No rules were changed yet: those hold that Understudy comes with."
    assert said not in read(registrar, list_url(Policy))
    Policy.objects.all().delete()
    assert f"{said} See them, and change what shall be otherwise." in read(
        registrar, list_url(Policy)
    )
    auditor = staff(office, StaffRole.AUDITOR)
    assert said in read(auditor, list_url(Policy))
    assert "See them" not in read(auditor, list_url(Policy))


def test_a_registrar_sets_the_rules_and_the_log_says_what_changed(office, registrar):
    institute = office.house.institute
    policy = Policy.objects.get(institute=institute)
    sent = rules(
        institute, section_window=90, waking_to="21:30", weekly_extra_hours="4.5", hide_count="on"
    )
    assert registrar.post(page_url(policy), sent).status_code == 302
    policy.refresh_from_db()
    assert (policy.section_window, policy.waking_to, policy.hide_count) == (
        90,
        dt.time(21, 30),
        True,
    )
    changes = {
        "section_window": [360, 90],
        "waking_to": ["22:00", "21:30"],
        "weekly_extra_hours": ["6", "4.5"],
        "hide_count": [False, True],
    }
    assert changes_logged(institute) == [("Registrar", {"changes": changes})]
    assert audit.verify(institute).ok
    text = read(registrar, list_url(LogEntry, "?kind=policy"))
    assert "step 2: section answers, minutes: 360 → 90" in text
    assert "Registrar" in text


def test_rules_that_stay_the_same_leave_no_entry(office, registrar):
    institute = office.house.institute
    policy = Policy.objects.get(institute=institute)
    assert registrar.post(page_url(policy), rules(institute)).status_code == 302
    assert (
        registrar.post(
            page_url(policy), rules(institute, daily_cap_hours="8.00", waking_from="07:00:00")
        ).status_code
        == 302
    )
    assert changes_logged(institute) == []


@pytest.mark.parametrize(
    ("field", "value", "fault"),
    [
        ("direct_window", 0, "Ensure this value is greater than or equal to 1."),
        ("vote_window", 20161, "Ensure this value is less than or equal to 20160."),
        ("slot_window", "", "This field is required."),
        ("notice", 10081, "Ensure this value is less than or equal to 10080."),
        ("window_floor", 241, "A window shorter than this would never be opened."),
        ("waking_to", "06:59", "Waking hours must end after they begin."),
        ("waking_to", "07:00", "Waking hours must end after they begin."),
        ("waking_from", "25:00", "Enter a valid time."),
        ("daily_cap_hours", "24.01", "Ensure this value is less than or equal to 24."),
        ("weekly_cap_hours", "-1", "Ensure this value is greater than or equal to 0."),
        ("quorum_percent", 101, "Ensure this value is less than or equal to 100."),
        ("clash_percent", -1, "Ensure this value is greater than or equal to 0."),
        ("slots_offered", 0, "Ensure this value is greater than or equal to 1."),
        ("note_retention_days", 3661, "Ensure this value is less than or equal to 3660."),
        ("wave_size", "many", "Enter a whole number."),
    ],
)
def test_a_rule_that_cannot_be_is_refused_at_its_field(office, registrar, field, value, fault):
    institute = office.house.institute
    before = Policy.objects.values().get()
    answer = registrar.post(
        page_url(Policy.objects.get()), rules(institute, wave_size=5) | {field: value}
    )
    assert answer.status_code == 200
    assert answer.context["adminform"].form.errors == {field: [fault]}
    assert Policy.objects.values().get() == before
    assert changes_logged(institute) == []


def test_an_institute_that_goes_by_the_defaults_gets_rules_of_its_own(office, elsewhere, registrar):
    institute = office.house.institute
    Policy.objects.all().delete()
    add = reverse("admin:reallocation_policy_add")
    offered = registrar.get(add).context["adminform"].form.fields["institute"].queryset
    assert list(offered) == [institute]
    sent = rules(institute, wave_size=0, institute=elsewhere.house.institute.pk)
    refused = registrar.post(add, sent)
    assert list(refused.context["adminform"].form.errors) == ["institute"]
    assert not Policy.objects.exists()
    assert registrar.post(add, {**sent, "institute": institute.pk}).status_code == 302
    policy = Policy.objects.get()
    assert (policy.institute, policy.wave_size) == (institute, 0)
    assert changes_logged(institute) == [("Registrar", {"changes": {"wave_size": [3, 0]}})]
    assert registrar.get(add).status_code == 403


def test_rules_are_for_the_institutes_own_registrars(office, elsewhere, registrar):
    mine, theirs = of(office, Policy)[0], of(elsewhere, Policy)[0]
    sent = rules(office.house.institute, wave_size=7)
    assert registrar.post(page_url(theirs), sent).status_code == 302
    for role in (StaffRole.AUDITOR, StaffRole.HEAD):
        reader = staff(office, role)
        assert "More hours" not in read(reader, page_url(mine))
        assert reader.post(page_url(mine), sent).status_code == 403
        assert reader.get(reverse("admin:reallocation_policy_add")).status_code == 403
    assert registrar.post(page_url(mine, "delete"), {"post": "yes"}).status_code == 403
    assert set(Policy.objects.values_list("wave_size", flat=True)) == {3}


def test_a_registrar_here_who_is_auditor_there_sets_only_the_rules_here(office, elsewhere):
    user = UserFactory(is_staff=True)
    staff(office, user=user)
    client = staff(elsewhere, StaffRole.AUDITOR, user=user)
    mine, theirs = of(office, Policy)[0], of(elsewhere, Policy)[0]
    assert client.post(page_url(theirs), rules(theirs.institute, wave_size=7)).status_code == 403
    assert client.post(page_url(mine), rules(mine.institute, wave_size=7)).status_code == 302
    sizes = dict(Policy.objects.values_list("institute__slug", "wave_size"))
    assert sizes == {"northfield": 7, "southbridge": 3}
