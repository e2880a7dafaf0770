"""What voting tells whoever put the question. All are sent by `ballots`, inside its transaction.

A receiver that raises undoes the fact with it: a vote is refused with an error rather than counted
without its consequence.

`ballot_opened(ballot, now)`
`ballot_closing(subject_uid)`: before a ballot is locked by what may close it. Whoever must lock
    rows that come before a ballot in the locking order (see `timetable.locking`) does it here.
`ballot_closed(ballot, now)`: by time, by majority or cancelled, as `ballot.closed_by` and `.result`
say.
`reminder_due(ballot, students, now)`: once for each ballot; the students who have not voted yet.
"""

from django.dispatch import Signal

ballot_opened = Signal()
ballot_closing = Signal()
ballot_closed = Signal()
reminder_due = Signal()
