"""Which app answers which address. Each app keeps its own paths."""

from allauth.account.decorators import secure_admin_login
from django.contrib import admin
from django.http import Http404, HttpRequest, HttpResponseRedirect
from django.templatetags.static import static
from django.urls import include, path
from django.views.defaults import page_not_found

from reallocation.api import urls as api_urls

# Staff sign in by the same door as everybody: codes, second factor and lock-outs hold there too.
admin.site.login = secure_admin_login(admin.site.login)  # type: ignore[method-assign]
# It is laid out by a script, after the page: everything beside it would jump.
admin.site.enable_nav_sidebar = False


def icon(request: HttpRequest) -> HttpResponseRedirect:
    """Browsers ask for it on pages that name no icon: the admin's, the API's, plain errors."""
    return HttpResponseRedirect(static("understudy/icon.svg"))


urlpatterns = [
    path("favicon.ico", icon),
    path("admin/", admin.site.urls),
    # Whoever could change their address could take the place of the person who has it next.
    path("accounts/email/", page_not_found, {"exception": Http404()}),
    path("_allauth/app/v1/account/email", page_not_found, {"exception": Http404()}),
    path("accounts/", include("allauth.urls")),
    path("_allauth/", include("allauth.headless.urls")),
    path("api/", api_urls),
    path("", include("reallocation.urls")),
    path("", include("timetable.urls")),
    path("", include("voting.urls")),
    path("", include("fairness.urls")),
]
