#!/usr/bin/env python
"""Understudy's command line: `python manage.py help` lists the commands."""

import os
import sys


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    try:
        from django.conf import settings
        from django.core.exceptions import ImproperlyConfigured
        from django.core.management import execute_from_command_line
    except ImportError:
        sys.exit("Django is not installed here. Run `make setup`, then use .venv/bin/python.")
    try:
        settings.DEBUG  # noqa: B018 - the first look reads the settings
    except ImproperlyConfigured as error:
        # A wrong environment is the reader's to mend: one line tells more than a traceback.
        sys.exit(f"Understudy cannot start: {error}")
    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
