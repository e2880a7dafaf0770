"""The workflow for staff: what happened and why, to be read; and the institute's rules, to be set.

What a registrar decides about a case is decided on the case's own page, to which everything here leads.
Registrars and auditors read all of their institute, heads of department the cases and offers of their
department's courses. To whom a reminder went is shown to nobody: it would tell who had not voted.
"""

from . import cases, log, notices, policy, webhooks  # noqa: F401
