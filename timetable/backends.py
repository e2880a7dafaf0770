"""How accounts sign in. Whoever a request's session stands for is read together with their hats."""

from __future__ import annotations

from allauth.account.auth_backends import AuthenticationBackend
from django.contrib.auth.backends import ModelBackend

from . import hats
from .models import User


class _WithHats(ModelBackend):
    def get_user(self, user_id: int) -> User | None:
        user = hats.account(user_id)
        return user if user is not None and self.user_can_authenticate(user) else None


class PasswordBackend(_WithHats):
    """By e-mail address and password, as in Django admin."""


class LoginBackend(_WithHats, AuthenticationBackend):  # type: ignore[misc]
    """On the login pages: also by code, link or the university's own login."""
