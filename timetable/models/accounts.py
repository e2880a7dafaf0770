"""Accounts: who signs in, and the keys with which programs act for them."""

from __future__ import annotations

import uuid
from typing import Any, ClassVar

from django.conf import settings
from django.contrib.auth.models import AbstractUser, BaseUserManager
from django.db import models
from django.utils.translation import gettext_lazy as _


class UserManager(BaseUserManager["User"]):
    """Accounts are found by e-mail address, whatever its case."""

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> User:
        user = self.model(email=self.normalise(email), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> User:
        return self.create_user(
            email, password, **{**fields, "is_staff": True, "is_superuser": True}
        )

    def get_by_natural_key(self, username: str | None) -> User:
        return self.get(email=self.normalise(username or ""))

    @staticmethod
    def normalise(email: str) -> str:
        return email.strip().lower()


class User(AbstractUser):
    """An account. Who somebody is (professor, student, staff) hangs on it, once per institute."""

    username = None  # type: ignore[assignment]
    first_name = None  # type: ignore[assignment]
    last_name = None  # type: ignore[assignment]
    name = models.CharField(_("name"), max_length=200, blank=True)
    email = models.EmailField(_("e-mail address"), unique=True)
    language = models.CharField(_("language"), max_length=10, blank=True)

    hats: Any = None
    """Who the account is, where it was read with that (`timetable.hats.Hats`)."""

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    objects: ClassVar[UserManager] = UserManager()  # type: ignore[assignment]

    def __str__(self) -> str:
        return self.name or self.email

    def get_full_name(self) -> str:
        return self.name or self.email

    def get_short_name(self) -> str:
        return self.name or self.email

    @property
    def chosen_language(self) -> str:
        """The language that they want to read; empty if they have chosen none, or none of ours."""
        return self.language if self.language in dict(settings.LANGUAGES) else ""


class AccessToken(models.Model):
    """A key with which a person's script acts as them. Kept is only its hash."""

    uid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    user = models.ForeignKey(User, models.CASCADE, related_name="access_tokens")
    name = models.CharField(_("name"), max_length=100, help_text=_("What it is for."))
    scopes = models.JSONField(_("may"), default=list)
    hash = models.CharField(max_length=64, unique=True, editable=False)
    created_at = models.DateTimeField(_("made"))
    # The day is enough to find forgotten ones, and tells nobody when somebody did something.
    last_used_on = models.DateField(_("last used"), null=True, blank=True)
    revoked_at = models.DateTimeField(_("revoked"), null=True, blank=True)

    class Meta:
        ordering: ClassVar = ["-created_at", "-id"]

    def __str__(self) -> str:
        return self.name


class CalendarFeed(models.Model):
    """The private address at which programs read a person's calendar. Kept is only its hash.

    `salt` makes the secret again, together with SECRET_KEY. `etag` and `changed_at` say what was
    served last and since when: meetings carry no time of change of their own.
    """

    user = models.OneToOneField(User, models.CASCADE, related_name="calendar_feed")
    salt = models.CharField(max_length=64, editable=False)
    hash = models.CharField(max_length=64, unique=True, editable=False)
    made_at = models.DateTimeField(_("made"))
    etag = models.CharField(max_length=64, blank=True, editable=False)
    changed_at = models.DateTimeField(_("changed"))

    def __str__(self) -> str:
        return str(self.user_id)


class StoredAnswer(models.Model):
    """What a program was answered, so that asking again with the same key does nothing again."""

    user = models.ForeignKey(User, models.CASCADE, related_name="stored_answers")
    key = models.CharField(max_length=200)
    request_hash = models.CharField(max_length=64)
    status = models.PositiveSmallIntegerField(null=True)
    body = models.TextField(blank=True)
    created_at = models.DateTimeField(db_index=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["user", "key"], name="stored_answer_once_per_key"),
        ]

    def __str__(self) -> str:
        return f"{self.user_id} {self.created_at:%Y-%m-%d %H:%M}"
