import datetime as dt
import re
import uuid

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import expect

from reallocation.enums import RehearsalFailure, RehearsalPhase
from reallocation.forms.rehearsal import RULES, RehearsalForm
from reallocation.models import Policy, Rehearsal
from reallocation.policy import policy_of
from reallocation.rehearsal import player, programme
from reallocation.rehearsal.stage import Script, rehearse
from tests.factories import PolicyFactory, StaffFactory, small_institute
from tests.reallocation.browsing import words
from tests.reallocation.rehearsing import SCRIPT
from tests.reallocation.test_rehearsal_comparison import FOUND, other
from timetable.enums import StaffRole

LIST = reverse("reallocation:rehearsal-list")
OTHER = {"wave_size": [3, 0], "waking_to": ["22:00", "20:00"]}


def page(rehearsal, name="detail"):
    return reverse(f"reallocation:rehearsal-{name}", args=[rehearsal.uid])


def sendable(form):
    """The form as a browser would send it back unchanged."""
    values = {}
    for field in form:
        value = field.value()
        if isinstance(value, dt.time):
            value = f"{value:%H:%M}"
        values[field.html_name] = "" if value is None else str(value)
    return values


def filled(site, query=""):
    return sendable(site.get("REGISTRAR", LIST + query).context["form"])


def ask(site, rules=None, **changes):
    return programme.ask(
        site.house.institute,
        SCRIPT | changes,
        rules or {},
        now=site.flow.now,
        user=site.registrar,
    )


def begun(site, **how):
    rehearsal = ask(site, **how)
    assert programme.begin(rehearsal.pk, site.flow.now)
    return rehearsal


def played(site, found=FOUND, compared=None, **how):
    rehearsal = begun(site, **how)
    assert programme.finish(rehearsal.pk, found, compared, site.flow.now)
    return rehearsal


# Who may


def test_rehearsals_exist_for_registrars_alone(site):
    rehearsal = ask(site)
    auditor = StaffFactory(institute=site.house.institute, role=StaffRole.AUDITOR).user
    head = StaffFactory(institute=site.house.institute, role=StaffRole.HEAD).user
    stranger = StaffFactory(institute=small_institute("southfield").institute).user
    for address in (LIST, page(rehearsal)):
        assert site.statuses(address, "REGISTRAR", "ADA", "A1", auditor, head, stranger, None) == {
            "REGISTRAR": 200,
            "ADA": 404,
            "A1": 404,
            str(auditor): 404,
            str(head): 404,
            str(stranger): 200 if address == LIST else 404,
            "None": 302,
        }
    for action in ("cancel", "delete"):
        for who in ("ADA", "A1", auditor, head, stranger):
            assert site.post(who, page(rehearsal, action)).status_code == 404
        assert site.post(None, page(rehearsal, action)).status_code == 302
        assert site.get("REGISTRAR", page(rehearsal, action)).status_code == 405
    assert site.post("ADA", LIST, absences=1).status_code == 404
    rehearsal.refresh_from_db()
    assert (rehearsal.status, Rehearsal.objects.count()) == ("waiting", 1)
    assert site.get("REGISTRAR", page(Rehearsal(uid=uuid.uuid4()))).status_code == 404


def test_another_institutes_rehearsals_are_not_listed(site):
    elsewhere = small_institute("southfield").institute
    programme.ask(elsewhere, SCRIPT | {"absences": 77}, {}, now=site.flow.now)
    text = site.read("REGISTRAR", LIST)
    assert "77" not in text
    assert "One is being played" not in text


def test_the_navigation_leads_registrars_there(site):
    link = f'href="{LIST}"'
    assert link in site.get("REGISTRAR", reverse("reallocation:case-list")).content.decode()
    assert link not in site.get("ADA", reverse("reallocation:case-list")).content.decode()


# The form


def test_the_form_is_filled_with_the_institutes_rules(site):
    PolicyFactory(institute=site.house.institute, wave_size=2, waking_to=dt.time(21))
    values = filled(site)
    assert {name: values[name] for name in ("absences", "accept", "turnout", "yes", "seed")} == {
        "absences": "50",
        "accept": "30",
        "turnout": "60",
        "yes": "70",
        "seed": "1",
    }
    assert (values["wave_size"], values["waking_to"]) == ("2", "21:00")
    assert set(RULES) < set(values)


def test_unchanged_rules_are_nothing_to_compare(site):
    PolicyFactory(institute=site.house.institute, daily_cap_hours="7.50")
    site.house.institute.refresh_from_db()
    response = site.post("REGISTRAR", LIST, **filled(site))
    (rehearsal,) = Rehearsal.objects.all()
    assert response.url == page(rehearsal)
    assert (rehearsal.rules, rehearsal.asked_by) == ({}, site.registrar)
    assert rehearsal.script == {
        "absences": 50,
        "seed": 1,
        "on": None,
        "lead_hours": None,
        "wave": None,
        "accept": 0.3,
        "turnout": 0.6,
        "yes": 0.7,
    }
    assert player.script_of(rehearsal.script) == Script(absences=50)


def test_what_is_changed_is_what_is_compared(site, worker):
    values = filled(site) | {
        "absences": "7",
        "on": "2027-03-02",
        "wave": "50",
        "lead_hours": "1.5",
        "seed": "4",
        "wave_size": "0",
        "daily_cap_hours": "6.5",
        "waking_to": "20:00",
    }
    site.post("REGISTRAR", LIST, **values)
    (rehearsal,) = Rehearsal.objects.all()
    assert rehearsal.rules == {
        "wave_size": [3, 0],
        "daily_cap_hours": ["8", "6.5"],
        "waking_to": ["22:00", "20:00"],
    }
    script = player.script_of(rehearsal.script)
    assert (script.on, script.wave, script.lead_hours) == (dt.date(2027, 3, 2), 0.5, 1.5)
    assert script.keep is False
    policy = player.other_policy(site.house.institute, rehearsal.rules)
    assert (policy.wave_size, policy.daily_cap_hours) == (0, 6.5)
    assert policy.waking_to == dt.time(20)
    assert rehearse(site.house.institute, script, policy=policy, now=site.flow.now).cases > 0
    assert not Policy.objects.exists()


@pytest.mark.parametrize(
    ("changes", "field", "message"),
    [
        ({"absences": "0"}, "absences", "greater than or equal to 1"),
        ({"absences": "501"}, "absences", "less than or equal to 500"),
        ({"on": "2031-01-01"}, "on", "Nobody teaches anything on that day."),
        ({"on": "0001-01-01"}, "on", "Nobody teaches anything on that day."),
        ({"on": "soon"}, "on", "Enter a valid date."),
        ({"wave": "20"}, "on", "Say on which day so many are out."),
        ({"accept": "101"}, "accept", "less than or equal to 100"),
        ({"yes": ""}, "yes", "This field is required."),
        ({"lead_hours": "-1"}, "lead_hours", "greater than or equal to 0"),
        ({"lead_hours": "nan"}, "lead_hours", "Enter a number."),
        ({"seed": "-1"}, "seed", "greater than or equal to 0"),
        ({"wave_size": "99999"}, "wave_size", "less than or equal to 1000"),
        ({"quorum_percent": "101"}, "quorum_percent", "less than or equal to 100"),
        ({"waking_to": "06:00"}, "waking_to", "Waking hours must end after they begin."),
        ({"window_floor": "600"}, "window_floor", "would never be opened"),
    ],
)
def test_what_cannot_be_is_said_at_its_field(site, changes, field, message):
    response = site.post("REGISTRAR", LIST, **filled(site) | changes)
    assert response.status_code == 400
    errors = response.context["form"].errors
    assert list(errors) == [field]
    assert message in errors[field][0]
    assert message in words(response)
    assert not Rehearsal.objects.exists()
    groups = {group.fields: is_open for group, _fields, is_open in response.context["form"].others}
    assert all(is_open for fields, is_open in groups.items() if field in fields)


def test_a_second_one_has_to_wait(site):
    values = filled(site)
    going = ask(site)
    response = site.post("REGISTRAR", LIST, **values)
    assert response.status_code == 409
    assert "A rehearsal is being played already." in words(response)
    assert page(going) in response.content.decode()
    assert Rehearsal.objects.count() == 1


def test_an_earlier_one_can_be_changed_and_rehearsed_again(site):
    earlier = played(site, rules=OTHER, wave=0.5, lead_hours=1.5)
    response = site.get("REGISTRAR", f"{LIST}?like={earlier.uid}")
    values = sendable(response.context["form"])
    assert {name: values[name] for name in ("absences", "on", "wave", "lead_hours")} == {
        "absences": "9",
        "on": "2027-03-02",
        "wave": "50",
        "lead_hours": "1.5",
    }
    opened = [is_open for _group, _fields, is_open in response.context["form"].others]
    assert opened == [True, True, False]
    site.post("REGISTRAR", LIST, **values)
    again = Rehearsal.objects.exclude(pk=earlier.pk).get()
    assert (again.script, again.rules) == (earlier.script, earlier.rules)
    for query in ("?like=", "?like=nonsense", f"?like={uuid.uuid4()}"):
        assert filled(site, query)["absences"] == "50"


def test_the_form_is_never_saved(site):
    form = RehearsalForm(
        filled(site) | {"wave_size": "0"},
        institute=site.house.institute,
        policy=policy_of(site.house.institute),
    )
    assert form.is_valid()
    assert policy_of(site.house.institute).wave_size == 3
    assert not Policy.objects.exists()


# A rehearsal and its list


def test_the_page_tells_how_far_it_is(site):
    rehearsal = ask(site, rules=OTHER)
    assert "The worker begins it in a moment." in site.read("REGISTRAR", page(rehearsal))
    assert programme.begin(rehearsal.pk, site.flow.now)
    assert "Copying the timetable" in site.read("REGISTRAR", page(rehearsal))
    for phase, done, sentence in (
        (RehearsalPhase.AS_IT_IS, 4, "4 of 9 absences are filed."),
        (RehearsalPhase.COMPARED, 9, "All absences are filed; the last answers come in."),
    ):
        assert programme.tell(rehearsal.pk, phase, site.flow.now, done=done, total=9)
        text = site.read("REGISTRAR", page(rehearsal))
        assert str(phase.label) in text
        assert sentence in text
        assert "Cancel it" in text


def test_htmx_is_given_what_is_new_and_else_nothing(site):
    rehearsal = begun(site)
    whole = site.get("REGISTRAR", page(rehearsal)).content.decode()
    (address,) = re.findall(r'hx-get="([^"]+)"', whole)
    assert site.get("REGISTRAR", address).status_code == 204
    programme.tell(rehearsal.pk, RehearsalPhase.AS_IT_IS, site.flow.now, done=1, total=9)
    part = site.get("REGISTRAR", address).content.decode()
    assert part.lstrip().startswith('<div id="rehearsal"')
    assert "hx-get" in part
    programme.finish(rehearsal.pk, FOUND, None, site.flow.now)
    over = site.get("REGISTRAR", address).content.decode()
    assert "Of 40 classes, 34 are held and 6 are lost." in over
    assert "hx-get" not in over


def test_both_rules_stand_side_by_side(site):
    compared = other(asked_per_cover=15.3, outcomes={"dropped": 3})
    rehearsal = played(site, compared=compared, rules={"wave_size": [3, 0]})
    text = site.read("REGISTRAR", page(rehearsal))
    for part in (
        "With everyone asked at once, 12 more people are asked per class covered, and 3",
        "3 classes fewer are lost.",
        "People asked per class covered Today’s rules: 3.3 The other rules: 15.3",
        "Dropped 6 3 −3",
        "Offers in a wave 3 0",
        "9 absences on Tue 2 Mar",
        "24 h before the first class",
        "by Rita Registrar",
    ):
        assert part in text


def test_alone_there_is_no_second_column(site):
    text = site.read("REGISTRAR", page(played(site)))
    assert "Dropped 6" in text
    assert "ther rules" not in text


@pytest.mark.parametrize("failure", RehearsalFailure)
def test_one_that_failed_says_why(site, failure):
    rehearsal = begun(site)
    programme.fail(rehearsal.pk, failure, site.flow.now, error="ValueError: <b>x</b>")
    response = site.get("REGISTRAR", page(rehearsal))
    assert str(failure.label) in words(response)
    assert "ValueError: &lt;b&gt;x&lt;/b&gt;" in response.content.decode()


def test_one_is_cancelled_then_deleted(site):
    rehearsal = begun(site)
    response = site.post("REGISTRAR", page(rehearsal, "delete"))
    assert response.url == page(rehearsal)
    assert "must be cancelled first" in site.read("REGISTRAR", page(rehearsal))
    assert site.post("REGISTRAR", page(rehearsal, "cancel")).url == page(rehearsal)
    text = site.read("REGISTRAR", page(rehearsal))
    assert "The rehearsal is cancelled." in text
    assert "It was cancelled: Mon 1 Mar, 09:00." in text
    site.post("REGISTRAR", page(rehearsal, "cancel"))
    assert "was over already" in site.read("REGISTRAR", page(rehearsal))
    assert site.post("REGISTRAR", page(rehearsal, "delete")).url == LIST
    assert not Rehearsal.objects.exists()


def test_earlier_ones_are_listed_with_what_they_compared(site):
    played(site, rules={"wave_size": [3, 0]})
    played(site, wave=0.25)
    ask(site, on=None, absences=1)
    text = site.read("REGISTRAR", LIST)
    assert "Compared: offers in a wave 3 → 0" in text
    assert "25 % of all who teach on Tue 2 Mar" in text
    assert "1 absence over the term" in text
    assert "One is being played." in text


def test_the_pages_ask_the_same_number_of_times_for_one_and_for_three(site):
    played(site, rules=OTHER)
    one = site.queries("REGISTRAR", LIST)
    for _ in range(2):
        rehearsal = played(site, rules=OTHER, compared=other())
    assert site.queries("REGISTRAR", LIST) == one
    assert one <= 10
    assert site.queries("REGISTRAR", page(rehearsal)) <= 10


# In the browser


@pytest.mark.browser
@pytest.mark.django_db(transaction=True)
def test_every_state_fits_a_small_screen_and_can_be_used_by_everybody(
    page, live_server, sign_in, complaints
):
    house = small_institute()
    sign_in(StaffFactory(institute=house.institute).user)
    now = timezone.now()
    address = f"{live_server.url}{LIST}"

    def looked(where):
        wide = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
        assert (where, wide) == (where, 0)
        assert (where, complaints) == (where, [])
        found = Axe().run(page).response["violations"]
        assert (where, [violation["id"] for violation in found]) == (where, [])
        complaints.clear()

    for scheme in ("light", "dark"):
        page.set_viewport_size({"width": 320, "height": 640})
        page.emulate_media(color_scheme=scheme)
        page.goto(address)
        for group in ("Time to answer", "Votes and new times"):
            page.locator("summary", has_text=group).click()
        looked("form")
        page.get_by_label("Offers in a wave").fill("0")
        page.get_by_role("button", name="Rehearse", exact=True).click()
        expect(page.get_by_role("heading", name="Waiting to begin")).to_be_visible()
        rehearsal = Rehearsal.objects.going().get()
        looked("waiting")
        # From here on the page asks for itself.
        assert programme.begin(rehearsal.pk, now)
        programme.tell(rehearsal.pk, RehearsalPhase.AS_IT_IS, now, done=3, total=9)
        expect(page.get_by_text("3 of 9 absences are filed.")).to_be_visible(timeout=10_000)
        page.goto(page.url)
        looked("running")
        compared = other(asked_per_cover=15.3, outcomes={"dropped": 3})
        programme.finish(rehearsal.pk, FOUND, compared, now)
        verdict = page.get_by_role("heading", name="With everyone asked at once")
        expect(verdict).to_be_visible(timeout=10_000)
        page.goto(page.url)
        looked("played")
        with page.expect_navigation():
            page.get_by_role("button", name="Delete").click()
        failed = programme.ask(house.institute, SCRIPT, {}, now=now)
        programme.begin(failed.pk, now)
        programme.fail(failed.pk, RehearsalFailure.BROKE, now, error="ValueError: " + "x" * 90)
        page.goto(f"{address}{failed.uid}/")
        looked("failed")
        page.goto(address)
        looked("list")
