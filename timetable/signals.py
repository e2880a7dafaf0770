"""What the timetable tells whoever wants to hear it."""

from __future__ import annotations

from django.dispatch import Signal

timetable_imported = Signal()
"""A timetable was imported: `institute`, `term`, `now`.

Sent at the end of the import's own transaction, so that what a receiver writes stands or falls with
it (and is taken back after a dry run).
"""
