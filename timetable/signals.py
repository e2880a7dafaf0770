"""What the timetable tells whoever wants to hear it."""

from __future__ import annotations

from django.dispatch import Signal

timetable_imported = Signal()
"""A timetable was imported: `institute`, `term`, `now`.

Sent at the end of the import's own transaction, so that what a receiver writes stands or falls with
it (and is taken back after a dry run).
"""

meeting_changed = Signal()
"""What holds of a meeting has changed: `meeting` as it is now, `before` (a `meetings.Standing`).

Sent inside the transaction that changes it, which may still be taken back. An import, which says anew
what is planned, is told by `timetable_imported` alone.
"""
