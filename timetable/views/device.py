"""The site as something to install: its manifest, its service worker, and the page without a network."""

from __future__ import annotations

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.templatetags.static import static
from django.urls import reverse
from django.utils import translation
from django.utils.cache import patch_cache_control
from django.utils.translation import get_language, get_language_bidi
from django.utils.translation import gettext as _
from django.views.decorators.cache import cache_control
from django.views.decorators.http import condition, require_safe

from .. import device, icon_pictures

DRAWINGS = (("understudy/icon.svg", "any"), ("understudy/icon-maskable.svg", "maskable"))

IN_MANIFEST = ("icon-192", "icon-512", "icon-maskable-192", "icon-maskable-512")

YEAR, HOUR = 365 * 24 * 3600, 3600


@require_safe
@cache_control(max_age=3600)
def manifest(request: HttpRequest) -> HttpResponse:
    home = reverse("timetable:home")
    described = {
        "id": home,
        "name": "Understudy",
        "short_name": "Understudy",
        "description": _("Who teaches what, when, and what has changed."),
        "lang": get_language(),
        "dir": "rtl" if get_language_bidi() else "ltr",
        "start_url": home,
        "scope": home,
        "display": "standalone",
        "background_color": "#f5f6f3",
        "theme_color": "#155e63",
        "icons": [*_drawings(), *_pictures()],
    }
    return JsonResponse(described, content_type="application/manifest+json")


def _drawings() -> list[dict[str, str]]:
    return [
        {"src": static(name), "type": "image/svg+xml", "sizes": "any", "purpose": purpose}
        for name, purpose in DRAWINGS
    ]


def _pictures() -> list[dict[str, str]]:
    pictures = ((name, icon_pictures.PICTURES[name]) for name in IN_MANIFEST)
    return [
        {
            "src": icon_pictures.address(name),
            "type": "image/png",
            "sizes": f"{picture.size}x{picture.size}",
            "purpose": picture.purpose,
        }
        for name, picture in pictures
    ]


def _icon_tag(request: HttpRequest, mark: str, name: str) -> str | None:
    return f'"{icon_pictures.mark()}.{name}"' if name in icon_pictures.PICTURES else None


@require_safe
@condition(etag_func=_icon_tag)
def icon(request: HttpRequest, mark: str, name: str) -> HttpResponse:
    """A picture of the icon. Under the mark of an earlier one it is the one of today, for an hour."""
    if name not in icon_pictures.PICTURES:
        raise Http404
    response = HttpResponse(icon_pictures.png(name), content_type="image/png")
    if mark == icon_pictures.mark():
        patch_cache_control(response, public=True, max_age=YEAR, immutable=True)
    else:
        patch_cache_control(response, max_age=HOUR)
    return response


@require_safe
@cache_control(no_cache=True)
def service_worker(request: HttpRequest) -> HttpResponse:
    """At the root, so that it serves every page. Browsers ask for it again by themselves."""
    return HttpResponse(
        device.shell(get_language()).script(), content_type="text/javascript; charset=utf-8"
    )


@require_safe
def offline(request: HttpRequest, language: str) -> HttpResponse:
    """Kept on the device and shown to whoever is offline and has no week there: it names nobody.

    The language is in the address: the device fetches it as nobody in particular.
    """
    if language not in dict(settings.LANGUAGES):
        raise Http404
    translation.activate(language)
    return render(request, "timetable/offline.html")
