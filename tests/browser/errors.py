"""The site's addresses, and some behind which everything goes wrong."""

from django.core.exceptions import PermissionDenied, SuspiciousOperation
from django.urls import path
from django.views.csrf import csrf_failure

from config.urls import urlpatterns as site


def broken(request):
    raise RuntimeError("This view is broken.")


def forbidden(request):
    raise PermissionDenied


def suspicious(request):
    raise SuspiciousOperation


urlpatterns = [
    path("errors/400/", suspicious),
    path("errors/403/", forbidden),
    path("errors/csrf/", csrf_failure),
    path("errors/500/", broken),
    *site,
]
