"""What the workflow tells whoever wants to hear it."""

from __future__ import annotations

from django.dispatch import Signal

entries_appended = Signal()
"""The log has grown: `institute_id`, `entries`, and `aside` (see `audit.aside`).

Sent as the last thing in the transaction of the facts, the end of the chain locked: a receiver that
raises undoes them, and one that writes may lock nothing that others lock before the chain.
"""
