"""An account for everybody in the bundle: one for each e-mail address, whoever it belongs to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from timetable.models import User, UserManager

from .store import Store

KIND = "accounts"
HANDFUL = 500


def accounts_for(store: Store, names: Mapping[str, str]) -> dict[str, int]:
    """The ids of the accounts with these e-mail addresses (each given with its owner's name).

    Those that are not there yet are made, without a usable password; of those that are, nothing is
    changed: an account may belong to staff, and carries what its owner set.
    """
    wanted = {UserManager.normalise(email): name for email, name in names.items()}
    found = _find(wanted)
    new = []
    for email, name in wanted.items():
        if email not in found:
            user = User(email=email, name=name)
            user.set_unusable_password()
            new.append(user)
    store.create(KIND, new)
    found.update((user.email, user.pk) for user in new)
    store.tallies[KIND].created += len(new)
    store.tallies[KIND].unchanged += len(wanted) - len(new)
    return {email: found[UserManager.normalise(email)] for email in names}


def _find(emails: Iterable[str]) -> dict[str, int]:
    wanted = list(emails)
    found: dict[str, int] = {}
    for start in range(0, len(wanted), HANDFUL):
        users = User.objects.filter(email__in=wanted[start : start + HANDFUL])
        found.update(users.values_list("email", "pk"))
    return found
