"""The way in: the start page, links that sign in, and which institute one looks at."""

from __future__ import annotations

from allauth.account.utils import perform_login
from django.conf import settings
from django.http import Http404, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import NoReverseMatch, reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from django.views.i18n import set_language

from .. import link_pages, login_links
from ..accounts import INSTITUTE_SESSION_KEY, ActorRequest, member_required
from ..forms import InstituteSwitchForm, LanguageForm


@require_safe
def home(request: ActorRequest) -> HttpResponse:
    """To where this kind of person works."""
    actor = request.actor
    if actor.user is None:
        return redirect(settings.LOGIN_URL)
    if actor.professor is not None:
        return redirect("timetable:week")
    if actor.is_registrar:
        try:
            return redirect(reverse("reallocation:case-list"))
        except NoReverseMatch:
            return redirect("admin:index")
    if actor.student is not None:
        return redirect("timetable:my-classes")
    if actor.role or actor.user.is_superuser:
        return redirect("admin:index")
    return render(request, "timetable/nobody.html")


@require_POST
@member_required
def switch_institute(request: ActorRequest) -> HttpResponse:
    form = InstituteSwitchForm(request.POST, actor=request.actor)
    if not form.is_valid():
        raise Http404
    request.session[INSTITUTE_SESSION_KEY] = form.cleaned_data["institute"]
    return redirect("timetable:home")


@require_POST
def switch_language(request: ActorRequest) -> HttpResponseBase:
    """From now on: for the account on every device, and on this device for whoever has not signed in."""
    form = LanguageForm(request.POST)
    if not form.is_valid():
        raise Http404
    if (user := request.actor.user) is not None:
        user.language = form.cleaned_data["language"]
        user.save(update_fields=["language"])
    response: HttpResponseBase = set_language(request)
    return response


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def login_link(request: ActorRequest, token: str) -> HttpResponseBase:
    """GET only offers the button: whoever scans mails for bad links must not use the link up."""
    now = timezone.now()
    try:
        if request.method != "POST":
            user = login_links.read(token, now=now)
            return render(request, "timetable/login_link.html", {"person": user})
        user = login_links.use(token, now=now)
    except login_links.LoginRefused as refusal:
        return link_pages.refused(request, refusal)
    response: HttpResponseBase = perform_login(
        request, user, redirect_url=reverse("timetable:home")
    )
    return response
