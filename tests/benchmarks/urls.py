"""The site's addresses, and the bare view's."""

from django.db import connection
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import path
from django.views.decorators.csrf import csrf_exempt

from config.urls import urlpatterns as site

TABLE = "CREATE TABLE bare (id serial PRIMARY KEY, text text)"


@csrf_exempt
def bare(request: HttpRequest) -> HttpResponse:
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO bare (text) VALUES (%s)", [request.POST["text"]])
    return HttpResponseRedirect("/")


urlpatterns = [path("bare/", bare), *site]
