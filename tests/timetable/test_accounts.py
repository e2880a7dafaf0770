import datetime as dt
import re
from io import StringIO

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.totp.internal.auth import TOTP
from django.contrib.auth.models import AnonymousUser
from django.core import mail
from django.core.management import CommandError, call_command
from django.http import Http404, HttpResponse
from django.test import Client, RequestFactory
from django.urls import reverse
from django.utils import timezone
from django_htmx.middleware import HtmxDetails

from tests.factories import (
    NOW,
    CourseFactory,
    InstituteFactory,
    ProfessorFactory,
    StaffFactory,
    StudentFactory,
    UserFactory,
)
from timetable import login_links, signed_links
from timetable.accounts import (
    NOBODY,
    Actor,
    actor_for,
    member_required,
    professor_required,
    registrar_required,
    staff_required,
    student_required,
)
from timetable.enums import StaffRole
from timetable.middleware import ActorMiddleware
from timetable.models import Staff, User

pytestmark = pytest.mark.django_db

DAY = dt.timedelta(days=1)


def request_as(actor, path="/page/?a=b", **sent):
    request = RequestFactory().get(path, **sent)
    request.actor = actor
    request.htmx = HtmxDetails(request)
    return request


def path_of(link):
    return link.removeprefix("http://testserver")


# Who somebody is ----------------------------------------------------------------------------------


def test_a_stranger_is_nobody_and_costs_no_query(django_assert_num_queries):
    with django_assert_num_queries(0):
        assert actor_for(AnonymousUser()) == NOBODY
        assert actor_for(None) == NOBODY


def test_an_account_without_a_hat_is_only_an_account():
    user = UserFactory()
    assert actor_for(user) == Actor(user=user)


def test_a_professor_who_is_also_registrar_has_both_hats(django_assert_num_queries):
    professor = ProfessorFactory()
    StaffFactory(user=professor.user, reads_private_notes=True)
    with django_assert_num_queries(1):
        actor = actor_for(professor.user)
    assert actor == Actor(
        user=professor.user,
        institute=professor.institute,
        professor=professor,
        role=StaffRole.REGISTRAR,
        reads_private_notes=True,
        institutes=(professor.institute,),
    )
    assert actor.is_registrar
    assert actor.is_member
    assert not actor.is_only_student


def test_the_session_chooses_among_institutes():
    here, there = InstituteFactory(), InstituteFactory(slug="southbridge", name="Southbridge")
    professor = ProfessorFactory(institute=there)
    StaffFactory(user=professor.user, institute=here, role=StaffRole.HEAD, department="Arts")
    first = actor_for(professor.user)
    assert (first.institute, first.professor, first.role) == (there, professor, "")
    second = actor_for(professor.user, "northfield")
    assert (second.institute, second.professor, second.role) == (here, None, "head")
    assert second.department == "Arts"
    assert first.institutes == second.institutes == (here, there)
    assert actor_for(professor.user, "elsewhere") == first


def test_staff_of_one_institute_is_not_staff_of_another():
    staff = StaffFactory()
    other = InstituteFactory(slug="southbridge")
    actor = actor_for(staff.user)
    assert actor.is_staff_of(staff.institute)
    assert actor.is_staff_of(staff.institute_id)
    assert actor.is_registrar_of(staff.institute)
    assert not actor.is_staff_of(other)
    assert not actor.is_staff_of(None)
    assert not NOBODY.is_staff_of(None)


@pytest.mark.parametrize("factory", [ProfessorFactory, StudentFactory])
def test_who_has_left_is_nobody_there(factory):
    person = factory(active=False)
    assert actor_for(person.user) == Actor(user=person.user)


def test_an_account_that_is_switched_off_is_nobody():
    professor = ProfessorFactory(user__is_active=False)
    assert actor_for(professor.user) == NOBODY


def test_the_actor_is_looked_up_when_asked_for_and_once(django_assert_num_queries):
    professor = ProfessorFactory()
    request = RequestFactory().get("/")
    request.user, request.session = professor.user, {}
    with django_assert_num_queries(0):
        ActorMiddleware(lambda request: HttpResponse())(request)
    with django_assert_num_queries(1):
        assert request.actor.professor == professor
        assert request.actor.institute == professor.institute


# Who gets in --------------------------------------------------------------------------------------

GUARDS = {
    "member": member_required,
    "professor": professor_required,
    "student": student_required,
    "staff": staff_required,
    "registrar": registrar_required,
}


@pytest.mark.parametrize(
    ("make", "passes"),
    [
        (ProfessorFactory, {"member", "professor"}),
        (StudentFactory, {"member", "student"}),
        (StaffFactory, {"member", "staff", "registrar"}),
        (lambda: StaffFactory(role=StaffRole.AUDITOR), {"member", "staff"}),
    ],
    ids=["professor", "student", "registrar", "auditor"],
)
def test_each_guard_lets_its_own_kind_in_and_hides_the_page_from_others(make, passes):
    request = request_as(actor_for(make().user))
    for name, guard in GUARDS.items():
        view = guard(lambda request: HttpResponse("in"))
        if name in passes:
            assert view(request).content == b"in"
        else:
            with pytest.raises(Http404):
                view(request)


@pytest.mark.parametrize("guard", GUARDS.values(), ids=GUARDS)
def test_logged_out_the_way_leads_to_the_login_and_back(guard):
    response = guard(lambda request: HttpResponse("in"))(request_as(NOBODY))
    assert response.status_code == 302
    assert response.url == "/accounts/login/?next=/page/%3Fa%3Db"


@pytest.mark.parametrize(
    ("came_from", "leads_to"),
    [
        ("https://testserver/tokens/?page=2#made", "/tokens/%3Fpage%3D2"),
        ("https://elsewhere.example/tokens/", "/"),
        ("//elsewhere.example/", "/"),
        ("", "/"),
    ],
)
def test_after_a_form_was_sent_logged_out_the_way_leads_back_to_its_page(
    client, came_from, leads_to
):
    address = reverse("timetable:token-revoke", args=["6a1f1a1e-0000-4000-8000-000000000000"])
    response = client.post(address, headers={"Referer": came_from}, secure=True)
    assert (response.status_code, response.url) == (302, f"/accounts/login/?next={leads_to}")


@pytest.mark.parametrize(
    ("asks", "fills", "refresh"),
    [("live", "live", "true"), (None, None, "true"), ("id_other", "list", None)],
    ids=["a part that lives", "one without a name", "a field with suggestions"],
)
def test_logged_out_a_part_of_a_page_is_not_filled_with_the_login(asks, fills, refresh):
    names = {"HX-Request": "true", "HX-Trigger": asks, "HX-Target": fills}
    request = request_as(NOBODY, headers={name: said for name, said in names.items() if said})
    response = member_required(lambda request: HttpResponse("in"))(request)
    assert (response.status_code, response.content) == (403, b"")
    assert response.headers.get("HX-Refresh") == refresh


def test_behind_a_guard_the_clock_is_the_institutes():
    actor = actor_for(ProfessorFactory(institute__timezone="Asia/Kolkata").user)
    view = member_required(lambda request: HttpResponse(timezone.get_current_timezone_name()))
    assert view(request_as(actor)).content == b"Asia/Kolkata"
    assert timezone.get_current_timezone_name() == "UTC"


# Switching institutes -----------------------------------------------------------------------------


def test_switching_institutes_changes_who_one_is(client):
    professor = ProfessorFactory()
    other = InstituteFactory(slug="southbridge", name="Southbridge")
    StaffFactory(user=professor.user, institute=other, role=StaffRole.AUDITOR)
    client.force_login(professor.user)
    week = reverse("timetable:week")
    assert "Southbridge" in client.get(week).content.decode()
    response = client.post(reverse("timetable:switch-institute"), {"institute": "southbridge"})
    assert response.url == "/"
    assert client.get(week).status_code == 404
    client.post(reverse("timetable:switch-institute"), {"institute": "northfield"})
    assert client.get(week).status_code == 200


def test_nobody_switches_to_an_institute_that_is_not_theirs(client):
    InstituteFactory(slug="southbridge")
    client.force_login(ProfessorFactory().user)
    url = reverse("timetable:switch-institute")
    assert client.post(url, {"institute": "southbridge"}).status_code == 404
    assert client.post(url).status_code == 404
    assert client.get(url).status_code == 405
    assert "institute" not in client.session


# Signed links -------------------------------------------------------------------------------------


def test_a_token_gives_its_payload_back_until_it_expires():
    token = signed_links.make("offer", {"id": 7, "who": "Zoë"}, expires_at=NOW + DAY)
    assert re.fullmatch(r"[A-Za-z0-9_.=-]+", token)
    last = NOW + DAY - dt.timedelta(microseconds=1)
    assert signed_links.read("offer", token, now=last) == {"id": 7, "who": "Zoë"}
    with pytest.raises(signed_links.LinkRefused) as refusal:
        signed_links.read("offer", token, now=NOW + DAY)
    assert refusal.value.code == "expired"


def test_a_token_serves_one_purpose():
    token = signed_links.make("offer", {}, expires_at=NOW + DAY)
    with pytest.raises(signed_links.LinkRefused) as refusal:
        signed_links.read("ballot", token, now=NOW)
    assert refusal.value.code == "tampered"


@pytest.mark.parametrize(
    "mangle",
    [
        lambda token: token[:-1],
        lambda token: token[1:],
        lambda token: token.replace(".", ""),
        lambda token: "",
        lambda token: ".",
        lambda token: "ünïcode." + token,
        lambda token: "W10." + token.split(".")[1],
        lambda token: token + "A",
        lambda token: "\ud800" + token,
    ],
)
def test_a_token_that_was_touched_is_refused(mangle):
    token = signed_links.make("offer", {"id": 7}, expires_at=NOW + DAY)
    with pytest.raises(signed_links.LinkRefused) as refusal:
        signed_links.read("offer", mangle(token), now=NOW)
    assert refusal.value.code == "tampered"


# Login links --------------------------------------------------------------------------------------


def test_opening_a_login_link_changes_nothing_and_pressing_the_button_signs_in(client):
    user = ProfessorFactory(name="Ada Adler").user
    path = path_of(login_links.login_link(user))
    for _scan in range(3):
        page = client.get(path)
        assert page.status_code == 200
        assert "Sign in as Ada Adler" in page.content.decode()
    assert "_auth_user_id" not in client.session
    assert client.head(path).status_code == 200
    response = client.post(path)
    assert (response.status_code, response.url) == (302, "/")
    assert client.session["_auth_user_id"] == str(user.pk)


def test_a_login_link_works_once(client):
    path = path_of(login_links.login_link(UserFactory()))
    client.post(path)
    other = Client()
    for response in (other.get(path), other.post(path)):
        assert response.status_code == 410
        assert "This link was used already" in response.content.decode()
        assert reverse("account_login") in response.content.decode()
    assert "_auth_user_id" not in other.session


def test_of_two_who_press_at_once_one_gets_in():
    user = UserFactory()
    token = login_links.login_link(user, now=NOW).split("/")[-2]
    stale = User.objects.get(pk=user.pk)
    assert login_links.use(token, now=NOW).last_login == NOW
    claimed = User.objects.filter(pk=user.pk, last_login=stale.last_login).update(last_login=NOW)
    assert claimed == 0
    with pytest.raises(login_links.LoginRefused) as refusal:
        login_links.use(token, now=NOW)
    assert refusal.value.code == "used"


def test_a_login_link_ends_with_its_day(client):
    link = login_links.login_link(UserFactory(), now=timezone.now() - 2 * DAY)
    response = client.get(path_of(link))
    assert response.status_code == 410
    assert "This link is too old" in response.content.decode()
    longer = login_links.login_link(UserFactory(), now=timezone.now() - 2 * DAY, days=3)
    assert client.get(path_of(longer)).status_code == 200


def test_a_new_password_ends_a_login_link(client):
    user = UserFactory()
    path = path_of(login_links.login_link(user))
    user.set_password("something else")
    user.save()
    assert client.get(path).status_code == 410


def test_a_damaged_login_link_says_so(client):
    path = path_of(login_links.login_link(UserFactory()))
    for broken in (path.replace("/sign-in/", "/sign-in/A"), "/sign-in/nonsense/"):
        response = client.post(broken)
        assert response.status_code == 404
        assert "This link does not work" in response.content.decode()


def test_a_link_signs_nobody_in_whose_account_is_off(client):
    user = UserFactory()
    path = path_of(login_links.login_link(user))
    User.objects.update(is_active=False)
    assert client.post(path).status_code == 404
    assert "_auth_user_id" not in client.session


def test_a_reusable_link_works_again_only_in_development(settings):
    settings.DEBUG = True
    path = path_of(login_links.login_link(UserFactory(), reusable=True))
    for _time in range(2):
        visitor = Client()
        assert visitor.post(path).status_code == 302
        assert "_auth_user_id" in visitor.session
    settings.DEBUG = False
    visitor = Client()
    assert visitor.get(path).status_code == 410
    assert visitor.post(path).status_code == 410
    assert "_auth_user_id" not in visitor.session


def test_a_login_link_still_asks_for_the_second_factor(client):
    user = UserFactory()
    TOTP.activate(user, "JBSWY3DPEHPK3PXP")
    response = client.post(path_of(login_links.login_link(user)))
    assert response.url == reverse("mfa_authenticate")
    assert "_auth_user_id" not in client.session
    assert "authenticator code" in client.get(response.url).content.decode()


# The login page -----------------------------------------------------------------------------------


def test_login_by_password(client):
    user = ProfessorFactory(user__password="correct horse").user
    credentials = {"login": user.email.upper(), "password": "correct horse"}
    response = client.post(reverse("account_login"), credentials)
    assert (response.status_code, response.url) == (302, "/")
    assert client.session["_auth_user_id"] == str(user.pk)


def test_a_wrong_password_is_said_at_the_form(client):
    user = UserFactory(password="correct horse")
    response = client.post(reverse("account_login"), {"login": user.email, "password": "wrong"})
    assert response.status_code == 200
    assert "not correct" in response.content.decode()


def test_login_by_a_code_sent_by_mail(client):
    user = StudentFactory().user
    response = client.post(reverse("account_request_login_code"), {"email": user.email})
    [message] = mail.outbox
    assert message.to == [user.email]
    assert "example.com" not in message.subject + message.body
    code = re.search(r"^\s*([A-Z0-9-]{6,})\s*$", message.body, re.MULTILINE)[1]
    assert message.subject == f"Your sign-in code: {code}"
    assert message.body.startswith("Your code for signing in is")
    page = client.get(response.url)
    assert page.status_code == 200
    response = client.post(response.url, {"code": code})
    assert response.status_code == 302
    assert client.session["_auth_user_id"] == str(user.pk)


def test_an_unknown_address_gets_no_code_and_learns_nothing(client):
    url = reverse("account_request_login_code")
    known = client.post(url, {"email": UserFactory().email})
    unknown = Client().post(url, {"email": "stranger@elsewhere.example"})
    assert (unknown.status_code, unknown.url) == (known.status_code, known.url)
    assert [message.to for message in mail.outbox if "stranger" in str(message.to)] == []


def test_there_is_nothing_to_sign_up_for(client):
    page = client.get(reverse("account_signup"))
    assert "There is nothing to sign up for" in page.content.decode()
    client.post(reverse("account_signup"), {"email": "new@x.example", "password1": "long enough 1"})
    assert not User.objects.filter(email="new@x.example").exists()
    assert reverse("account_signup") not in client.get(reverse("account_login")).content.decode()


def test_nobody_changes_the_address_that_says_who_they_are(client):
    user = ProfessorFactory(user__password="correct horse").user
    client.force_login(user)
    assert client.get(reverse("account_email")).status_code == 404
    added = {"action_add": "", "email": "next.professor@northfield.example"}
    assert client.post(reverse("account_email"), added).status_code == 404
    app = Client()
    session = app.post(
        "/_allauth/app/v1/auth/login",
        {"email": user.email, "password": "correct horse"},
        content_type="application/json",
    ).json()["meta"]["session_token"]
    answers = [
        getattr(app, method)(
            reverse("headless:app:account:manage_email"),
            {"email": "next.professor@northfield.example", "primary": True},
            content_type="application/json",
            headers={"X-Session-Token": session},
        ).status_code
        for method in ("get", "post", "patch", "put", "delete")
    ]
    assert answers == [404] * 5
    user.refresh_from_db()
    assert "next" not in user.email
    assert not EmailAddress.objects.exists()


def test_signing_out_takes_a_post(client):
    client.force_login(UserFactory())
    assert client.get(reverse("account_logout")).status_code == 200
    assert "_auth_user_id" in client.session
    client.post(reverse("account_logout"))
    assert "_auth_user_id" not in client.session


@pytest.mark.parametrize(
    "name", ["account_change_password", "account_reset_password", "account_logout", "mfa_index"]
)
def test_the_account_pages_wear_our_frame(client, name):
    client.force_login(UserFactory(password="x"))
    page = client.get(reverse(name), follow=True).content.decode()
    assert 'class="skip"' in page
    assert "understudy/understudy" in page


# add_staff ----------------------------------------------------------------------------------------


def add_staff(*arguments):
    out = StringIO()
    call_command("add_staff", *arguments, stdout=out)
    return out.getvalue()


def test_add_staff_makes_an_account_that_the_printed_link_opens(client):
    institute = InstituteFactory()
    out = add_staff("Rita@Northfield.example", "--role", "registrar", "--institute", "northfield")
    staff = Staff.objects.select_related("user").get()
    assert (staff.user.email, staff.institute, staff.role) == (
        "rita@northfield.example",
        institute,
        "registrar",
    )
    assert staff.user.is_staff
    assert not staff.user.has_usable_password()
    assert out.startswith("rita@northfield.example is registrar of Northfield University.")
    client.post(path_of(out.split()[-1]))
    assert client.get(reverse("admin:index")).status_code == 200


def test_add_staff_promotes_an_account_that_is_there():
    professor = ProfessorFactory(name="Ada Adler", department="Sciences")
    base = [professor.user.email, "--institute", "northfield", "--role"]
    add_staff(*base, "head", "--department", "Sciences")
    add_staff(*base, "auditor")
    assert [(row.user, row.role, row.department) for row in Staff.objects.all()] == [
        (professor.user, "auditor", "")
    ]
    assert User.objects.get(pk=professor.user.pk).name == "Ada Adler"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["a@x.example", "--role", "registrar", "--institute", "nowhere"], "There are: northfield"),
        (["not-an-address", "--role", "head", "--institute", "northfield"], "not an e-mail"),
        (["a@x.example", "--role", "boss", "--institute", "northfield"], "invalid choice"),
    ],
)
def test_add_staff_says_what_is_wrong_and_makes_nothing(arguments, message):
    InstituteFactory()
    with pytest.raises(CommandError, match=message):
        add_staff(*arguments)
    assert not User.objects.exists()


def test_add_staff_knows_the_departments_of_the_timetable():
    professor = ProfessorFactory(department="Sciences")
    CourseFactory(institute=professor.institute, department="Arts")
    head = ["a@x.example", "--role", "head", "--institute", "northfield", "--department"]
    with pytest.raises(CommandError, match=r"no department 'Art'\. There are: Arts, Sciences\."):
        add_staff(*head, "Art")
    professor.institute.professors.update(department="")
    professor.institute.courses.update(department="")
    with pytest.raises(CommandError, match=r"no department 'Arts'\. Its timetable states none\."):
        add_staff(*head, "Arts")
    assert not Staff.objects.exists()


def test_add_staff_before_any_import_says_to_import_first():
    with pytest.raises(CommandError, match="import a timetable first"):
        add_staff("a@x.example", "--role", "registrar", "--institute", "nowhere")
