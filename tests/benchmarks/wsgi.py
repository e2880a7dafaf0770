"""The site as it is served, and beside it a view that does nothing but insert one row."""

from django.conf import settings

from config.wsgi import application

settings.ROOT_URLCONF = "tests.benchmarks.urls"

__all__ = ["application"]
