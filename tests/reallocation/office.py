"""Institutes with something to read in the admin, and the staff who read it."""

from django.contrib import admin
from django.test import Client
from django.urls import reverse

from reallocation import answers
from reallocation.audit import Who
from reallocation.enums import ActorKind
from tests.factories import PolicyFactory, StaffFactory, UserFactory, small_institute
from tests.reallocation.browsing import words
from tests.reallocation.workflow import Workflow
from timetable.enums import StaffRole


def live(slug):
    """An institute whose Ada is away: Ben has said no with a word of excuse, others are still asked."""
    flow = Workflow(small_institute(slug))
    flow.found = flow.case()
    offer = flow.found.offers.get(professor__code="BEN")
    answers.decline(
        offer,
        by=offer.professor,
        now=flow.now,
        comment=f"my cat is ill in {slug}",
        who=Who.of(offer.professor.user, ActorKind.PROFESSOR),
    )
    flow.settle()
    flow.found = flow.again(flow.found)
    PolicyFactory(institute=flow.house.institute)
    return flow


def login(user):
    client = Client()
    client.force_login(user)
    return client


def staff(flow, role=StaffRole.REGISTRAR, **fields):
    user = fields.pop("user", None) or UserFactory(is_staff=True, name=str(role.label))
    StaffFactory(institute=flow.house.institute, role=role, user=user, **fields)
    return login(user)


def list_url(model, query=""):
    return reverse(f"admin:reallocation_{model._meta.model_name}_changelist") + query


def page_url(row, action="change"):
    return reverse(f"admin:reallocation_{row._meta.model_name}_{action}", args=[row.pk])


def rows(client, model, query=""):
    return list(client.get(list_url(model, query)).context["cl"].queryset)


def read(client, url):
    response = client.get(url)
    assert response.status_code == 200
    return words(response)


def of(flow, model):
    """The model's rows at the institute, by the path on which the admin keeps institutes apart."""
    path = admin.site.get_model_admin(model).institute_path
    return list(model.objects.filter(**{path: flow.house.institute}).order_by("pk"))
