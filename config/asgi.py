"""The door for an ASGI server."""

import os

from django.core.asgi import get_asgi_application

from . import collected

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

application = get_asgi_application()
collected.require()
