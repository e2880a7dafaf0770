import datetime as dt

import pytest
from django.urls import reverse

from reallocation.enums import ActorKind, CaseStatus
from reallocation.models import LogEntry, Message, Offer
from reallocation.notifications import links
from tests.factories import small_institute
from tests.reallocation.browsing import words
from tests.reallocation.test_pages_cases import refused_by_section, waits_for_a_slot
from tests.reallocation.test_steps import accept
from timetable import signed_links

pytestmark = pytest.mark.django_db


def offer_to(site, code="BEN"):
    return site.flow.case().offers.get(professor__code=code)


def token(site, purpose, user, about, **lifetime):
    expires_at = site.flow.now + dt.timedelta(**(lifetime or {"days": 1}))
    return signed_links.make(
        purpose, {purpose: str(about.uid), "user": user.pk}, expires_at=expires_at
    )


def offer_link(site, offer, user=None, **lifetime):
    user = user or offer.professor.user
    return reverse("reallocation:offer-link", args=[token(site, "offer", user, offer, **lifetime)])


def case_link(site, case, who, **lifetime):
    return reverse(
        "reallocation:case-link", args=[token(site, "case", site.user(who), case, **lifetime)]
    )


# A request to take a class


def test_the_link_in_the_message_opens_the_request_without_signing_in(site):
    offer = offer_to(site)
    message = Message.objects.get(notice__kind="offer", user=offer.professor.user)
    response = site.get(None, links.path(message))
    assert response.status_code == 200
    text = words(response)
    assert "Can you take this class?" in text
    assert "This page is for Ben Baker" in text
    assert "Tue 2 Mar, 09:00–10:30 (Europe/Vienna)" in text
    assert response.headers["Cache-Control"].startswith("max-age=0, no-cache, no-store")
    assert "_auth_user_id" not in site.client.session


@pytest.mark.parametrize(("answer", "status"), [("accept", "accepted"), ("decline", "declined")])
def test_the_link_takes_the_answer(site, answer, status):
    offer = offer_to(site)
    address = offer_link(site, offer)
    response = site.post(None, address, answer=answer)
    assert (response.status_code, response.url) == (302, address)
    offer.refresh_from_db()
    assert offer.status == status
    entry = LogEntry.objects.get(kind=f"offer.{status}")
    assert (entry.actor_kind, entry.actor_name) == (ActorKind.PROFESSOR, "Ben Baker")
    again = site.get(None, address)
    assert again.status_code == 200
    assert "You said" in words(again)


@pytest.mark.parametrize("method", ["get", "head", "options"])
def test_mail_scanners_that_follow_the_link_change_nothing(site, method):
    offer = offer_to(site)
    before = LogEntry.objects.count()
    site.sign_in(None)
    for address in (offer_link(site, offer), f"{offer_link(site, offer)}?answer=accept"):
        getattr(site.client, method)(address)
    offer.refresh_from_db()
    assert (offer.status, LogEntry.objects.count()) == ("sent", before)


def test_a_used_link_says_what_was_answered(site):
    offer = offer_to(site)
    address = offer_link(site, offer)
    site.post(None, address, answer="decline")
    response = site.post(None, address, answer="accept")
    assert response.status_code == 409
    assert "You have already answered this request." in words(response)
    offer.refresh_from_db()
    assert offer.status == "declined"


def test_the_link_of_a_taken_request_is_gone_and_says_why(site):
    offer = offer_to(site)
    accept(site.flow, offer.case, "CLEO")
    response = site.get(None, offer_link(site, offer))
    assert response.status_code == 410
    text = words(response)
    assert "Somebody else was faster and takes this class." in text
    assert "Sign in and see the case" in text
    late = site.post(None, offer_link(site, offer), answer="accept")
    assert late.status_code == 409
    assert "Cleo Clark was faster" in words(late)


def test_an_expired_link_is_gone_and_says_what_to_do(site):
    offer = offer_to(site)
    for method in (site.get, site.post):
        response = method(None, offer_link(site, offer, seconds=0))
        assert response.status_code == 410
        text = words(response)
        assert "This link is too old" in text
        assert "Sign in to see the requests that wait for you." in text


def test_a_tampered_link_is_not_found_and_says_what_to_do(site):
    offer = offer_to(site)
    address = offer_link(site, offer)
    broken = [
        address[:-2] + "/",
        address[:-8] + "AAAAAAA/",
        reverse("reallocation:offer-link", args=["x"]),
    ]
    for one in broken:
        for response in (site.get(None, one), site.post(None, one, answer="accept")):
            assert response.status_code == 404
            assert "some mail programs cut long links in two" in words(response)
    offer.refresh_from_db()
    assert offer.status == "sent"


def test_a_token_is_good_for_its_one_purpose_and_person(site):
    offer = offer_to(site)
    case_token = token(site, "case", site.user("BEN"), offer.case)
    message_token = token(site, "message", site.user("BEN"), offer)
    for wrong in (case_token, message_token):
        address = reverse("reallocation:offer-link", args=[wrong])
        assert site.get(None, address).status_code == 404
        assert site.post(None, address, answer="accept").status_code == 404
    for_another = offer_link(site, offer, user=site.user("CLEO"))
    assert site.get(None, for_another).status_code == 404
    assert site.post(None, for_another, answer="accept").status_code == 404
    assert site.get(None, reverse("reallocation:offer-list")).status_code == 302


def test_a_shut_account_finds_nothing_by_its_link(site):
    offer = offer_to(site)
    user = offer.professor.user
    user.is_active = False
    user.save(update_fields=["is_active"])
    assert site.get(None, offer_link(site, offer)).status_code == 404
    assert site.post(None, offer_link(site, offer), answer="accept").status_code == 404


def test_the_link_is_its_persons_whoever_is_signed_in(site):
    offer = offer_to(site)
    site.post("CLEO", offer_link(site, offer), answer="decline")
    assert [(o.professor.code, o.status) for o in Offer.objects.exclude(status="sent")] == [
        ("BEN", "declined")
    ]


# A case


def test_the_case_opens_by_link_for_each_of_those_it_concerns(site):
    case = site.flow.case()
    for who in ("ADA", "BEN", "A1"):
        response = site.get(None, case_link(site, case, who))
        assert response.status_code == 200
        text = words(response)
        assert "The five steps" in text
        assert "You see this page by the personal link in your message." in text
    for who in ("EVE", "B1"):
        assert site.get(None, case_link(site, case, who)).status_code == 404
    elsewhere = small_institute("southfield").professors["ADA"].user
    assert site.get(None, case_link(site, case, elsewhere)).status_code == 404


def test_by_link_everybody_reads_what_they_may_know_and_no_more(site):
    case = refused_by_section(site.flow)
    assert "Ben Baker said no." in words(site.get(None, case_link(site, case, "ADA")))
    assert "said no" not in words(site.get(None, case_link(site, case, "A1")))


def test_the_absent_professor_chooses_a_candidate_by_link(site):
    case = refused_by_section(site.flow)
    address = case_link(site, case, "ADA")
    assert "Who shall be asked?" in words(site.get(None, address))
    response = site.post(None, address, act="choose-candidate", candidate="EVE")
    assert (response.status_code, response.url) == (302, address)
    entry = LogEntry.objects.get(kind="choice.candidate")
    assert (entry.actor_kind, entry.actor_name) == (ActorKind.PROFESSOR, "Ada Adler")


def test_the_absent_professor_chooses_a_time_by_link(site):
    case = waits_for_a_slot(site.flow)
    address = case_link(site, case, "ADA")
    option = site.get(None, address).context["choices"].slots[2]
    slot = f"{option.starts_at.isoformat()}|{option.room.code}"
    assert site.post(None, address, act="choose-slot", slot=slot).status_code == 302
    site.flow.settle()
    case = site.flow.again(case)
    assert (case.status, case.meeting.starts_at) == (CaseStatus.RESCHEDULED, option.starts_at)


def test_a_wrong_choice_by_link_is_refused_at_its_place(site):
    case = refused_by_section(site.flow)
    response = site.post(
        None, case_link(site, case, "ADA"), act="choose-candidate", candidate="NOBODY"
    )
    assert response.status_code == 400
    assert "Choose somebody from the list." in words(response)


def test_a_link_is_no_login(site):
    case = accept(site.flow, site.flow.case(), "CLEO")
    for who, act in (
        ("CLEO", "take-back"),
        ("ADA", "name"),
        ("ADA", "teach"),
        ("REGISTRAR", "drop"),
    ):
        address = case_link(site, case, who)
        assert site.post(None, address, act=act, why="Because").status_code == 404
        assert [act.name for act, _ in site.get(None, address).context["forms"]] == []
    assert site.flow.again(case).status == CaseStatus.SUBSTITUTED
    assert site.get(None, reverse("reallocation:case-detail", args=[case.uid])).status_code == 302


def test_expired_and_tampered_links_to_a_case_are_designed_pages(site):
    case = site.flow.case()
    expired = site.get(None, case_link(site, case, "ADA", seconds=0))
    assert expired.status_code == 410
    assert "Sign in to see where the class stands." in words(expired)
    assert site.get(None, reverse("reallocation:case-link", args=["x.y"])).status_code == 404
    wrong = reverse("reallocation:case-link", args=[token(site, "offer", site.user("ADA"), case)])
    assert site.get(None, wrong).status_code == 404


def test_the_live_part_works_by_link_too(site):
    case = site.flow.case()
    address = case_link(site, case, "A1")
    response = site.get(None, address)
    assert f'hx-get="{address}?live=' in response.content.decode()
    state = response.context["state"]
    assert site.get(None, f"{address}?live={state}&acts=").status_code == 204
