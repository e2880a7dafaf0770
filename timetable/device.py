"""What a device keeps of the site, so that it can be installed and opened without a network."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from functools import lru_cache

from django.conf import settings
from django.template.loader import render_to_string
from django.templatetags.static import static
from django.urls import reverse
from django.utils import translation

from . import icon_pictures

FILE = re.compile(rf'(?:href|src)="({re.escape(settings.STATIC_URL)}[^"]+)"')


@dataclass(frozen=True)
class Shell:
    """What the service worker starts from. With another version it fetches all of it anew."""

    version: str
    offline: str
    files: tuple[str, ...]
    code: str
    icon: str

    def script(self) -> str:
        names = {
            "VERSION": self.version,
            "OFFLINE": self.offline,
            "FILES": self.files,
            "ICON": self.icon,
        }
        said = "".join(f"const {name} = {json.dumps(value)};\n" for name, value in names.items())
        return f"{said}importScripts({json.dumps(self.code)});\n"


@lru_cache(maxsize=len(settings.LANGUAGES))
def shell(language: str) -> Shell:
    """The same for all who read one language: the files are those of the offline page, as of every page.

    The version follows from that page and from the addresses in it, which a release changes with
    the content of the files.
    """
    code = static("understudy/worker.js")
    with translation.override(language):
        page = render_to_string("timetable/offline.html")
    files = tuple(dict.fromkeys(FILE.findall(page)))
    version = hashlib.sha256(f"{code}\n{page}".encode()).hexdigest()[:16]
    offline = reverse("timetable:offline", args=[language])
    return Shell(version, offline, files, code, icon_pictures.address("icon-192"))
