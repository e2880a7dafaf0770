"""Without the collected files of the pages a server in production could show none: it says so and stops."""

from django.contrib.staticfiles.storage import ManifestFilesMixin, staticfiles_storage
from django.core.exceptions import ImproperlyConfigured


def require() -> None:
    """Raises ImproperlyConfigured where pages name their files by what `collectstatic` noted down."""
    if isinstance(staticfiles_storage, ManifestFilesMixin) and not staticfiles_storage.hashed_files:
        raise ImproperlyConfigured(
            "The files of the pages are not collected: run `manage.py collectstatic --noinput`, "
            "then start again."
        )
