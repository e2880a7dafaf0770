"""For whoever watches the installation: is it up, and does it do its work?"""

from __future__ import annotations

from django.http import HttpRequest, JsonResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from reallocation import health

NOT_READY = 503


@never_cache
@require_safe
def healthz(request: HttpRequest) -> JsonResponse:
    """The process answers; it asks nothing of the database."""
    return JsonResponse({"ok": True})


@never_cache
@require_safe
def readyz(request: HttpRequest) -> JsonResponse:
    checks = health.readiness(timezone.now())
    ok = all(check.ok for check in checks)
    said = {check.name: {"ok": check.ok, "why": check.why} for check in checks}
    return JsonResponse({"ok": ok, "checks": said}, status=200 if ok else NOT_READY)
