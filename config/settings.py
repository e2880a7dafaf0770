"""Every setting, read from the environment.

CONTRIBUTING.md lists the variables. With DEBUG on everything has a default, so that a checkout runs
at once; with DEBUG off (the default) the process refuses to start without SECRET_KEY.
"""

import ipaddress
import logging
import os
import secrets
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import django_stubs_ext
import environ
import structlog
from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured
from django.utils.translation import gettext_lazy as _

# Lets `ModelAdmin[Case]` and its like be written as the type checker wants them.
django_stubs_ext.monkeypatch()

env = environ.Env()

BASE_DIR = Path(__file__).resolve().parent.parent
VAR_DIR = BASE_DIR / "var"


def development_key() -> str:
    """A throw-away key, made once per checkout: web, worker and links in mails must agree on it."""
    path = VAR_DIR / "development-key"
    VAR_DIR.mkdir(exist_ok=True)
    draft = VAR_DIR / f".development-key-{secrets.token_hex(8)}"
    if not path.exists():
        draft.touch(mode=0o600)
        draft.write_text(secrets.token_urlsafe(64))
        try:
            # Web and worker may start together: link() lets just one of them win, whole.
            os.link(draft, path)
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    return path.read_text()


def whole_number(name: str, default: int) -> int:
    try:
        number: int = env.int(name, default=default)
    except ValueError:
        raise ImproperlyConfigured(
            f"{name} is {os.environ[name]!r}: it must be a whole number."
        ) from None
    return number


DEBUG = env.bool("DEBUG", default=False)
SECRET_KEY = env.str("SECRET_KEY", default="")
if not SECRET_KEY:
    if not DEBUG:
        raise ImproperlyConfigured(
            "SECRET_KEY is not set. Set it to a long random text, the same for web and worker "
            "(or set DEBUG=1 on a machine of your own)."
        )
    SECRET_KEY = development_key()
SECRET_KEY_FALLBACKS = env.list("SECRET_KEY_FALLBACKS", default=[])

# Addresses ----------------------------------------------------------------------------------------

# `make demo` serves on PORT, and what a second terminal prints should lead there.
BASE_URL = env.str(
    "BASE_URL",
    default=f"http://localhost:{whole_number('PORT', 8000)}" if DEBUG else "https://localhost",
).rstrip("/")
if urlsplit(BASE_URL).scheme not in {"http", "https"} or not urlsplit(BASE_URL).hostname:
    raise ImproperlyConfigured(
        f"BASE_URL is {BASE_URL!r}: it must be like https://understudy.example.org."
    )
ALLOWED_HOSTS = env.list(
    "ALLOWED_HOSTS", default=[urlsplit(BASE_URL).hostname, "localhost", "127.0.0.1", "[::1]"]
)
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[BASE_URL])

# HTTPS is taken for granted outside development; who serves plain HTTP says so in BASE_URL.
HTTPS = BASE_URL.startswith("https://") and not DEBUG
SECURE_SSL_REDIRECT = HTTPS
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$"]
SECURE_HSTS_SECONDS = 365 * 24 * 3600 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = HTTPS
SECURE_HSTS_PRELOAD = HTTPS
SESSION_COOKIE_SECURE = HTTPS
CSRF_COOKIE_SECURE = HTTPS
SESSION_COOKIE_NAME = "understudy_session"
CSRF_COOKIE_NAME = "understudy_csrf"
X_FRAME_OPTIONS = "DENY"

# How many reverse proxies stand in front. Their X-Forwarded-* headers are believed only then.
TRUSTED_PROXIES = whole_number("TRUSTED_PROXIES", 0)
if TRUSTED_PROXIES:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        # Bootstrap's own style sheet draws its small icons from data: addresses.
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "manifest-src": [SELF],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
        "base-uri": [NONE],
    }
}

# Apps ---------------------------------------------------------------------------------------------

INSTALLED_APPS = [
    "timetable",
    "voting",
    "fairness",
    "reallocation",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.openid_connect",
    "allauth.headless",
    "anymail",
    "axes",
    "bootstrap",
    "crispy_forms",
    "crispy_bootstrap5",
    "django_filters",
    "django_htmx",
    "django_q",
    "lucide",
    "ninja",
    "phonenumber_field",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.humanize",
    "django.contrib.messages",
    "django.contrib.sessions",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    # Pages repeat themselves a lot. Django pads them at random, so that their size gives no secret away.
    "django.middleware.gzip.GZipMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "timetable.middleware.AccountLanguageMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "timetable.middleware.ActorMiddleware",
    "timetable.middleware.ReaderMiddleware",
    "timetable.middleware.NotFoundMiddleware",
    "axes.middleware.AxesMiddleware",
]

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
ASGI_APPLICATION = "config.asgi.application"
APPEND_SLASH = True

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.i18n",
                "django.template.context_processors.tz",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]
CRISPY_ALLOWED_TEMPLATE_PACKS = "bootstrap5"
CRISPY_TEMPLATE_PACK = "bootstrap5"

# Database and cache -------------------------------------------------------------------------------

DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
DATABASE_URL = env.str("DATABASE_URL", default="") or f"sqlite:///{VAR_DIR}/understudy.db"
if urlsplit(DATABASE_URL).scheme not in {"sqlite", "postgres", "postgresql"}:
    # The value itself is not repeated: it may hold a password.
    raise ImproperlyConfigured(
        "DATABASE_URL must begin with sqlite:/// or postgres://, the two that Understudy runs on."
    )
try:
    database: dict[str, Any] = env.db_url_config(DATABASE_URL)
except ValueError as error:
    raise ImproperlyConfigured(f"DATABASE_URL cannot be read: {error}") from None
if database["ENGINE"] == "django.db.backends.sqlite3":
    if database["NAME"] != ":memory:":
        database["NAME"] = BASE_DIR / database["NAME"]
        if database["NAME"].parent == VAR_DIR:
            VAR_DIR.mkdir(exist_ok=True)
    # IMMEDIATE serialises check-then-write; Django's deferred default ends in "database is locked".
    database["OPTIONS"] = {
        **database.get("OPTIONS", {}),
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
    }
else:
    # Planning takes PostgreSQL ten times as long as most of our questions: each connection keeps the plans
    # of those that are worded once (timetable/prepared.py) and of others once they have come twice, whatever
    # the values are this time. What it would gain by looking
    # at them is less than it costs to plan again. Its compiler costs more than it saves, too. The planner
    # itself is left as it is: with a lower join_collapse_limit it is lost where tables were just filled.
    plans = {
        "options": "-c jit=off -c plan_cache_mode=force_generic_plan",
        "server_side_binding": True,
        "prepare_threshold": 2,
    }
    database["OPTIONS"] = {
        "options": "-c jit=off",
        **(plans if env.bool("PREPARED_STATEMENTS", default=True) else {}),
        **database.get("OPTIONS", {}),
    }
    # Not the driver's own pool: the task cluster forks, and forked pools mix up sessions.
    database["CONN_MAX_AGE"] = 600
    database["CONN_HEALTH_CHECKS"] = True
DATABASES = {"default": database}

CACHES = {"default": env.cache_url("CACHE_URL", default="locmemcache://")}

# Tasks --------------------------------------------------------------------------------------------

# `retry` counts from the moment a task enters a cluster's local queue, so it stays far above
# `timeout` and the queue together; else a task that merely waits is run twice.
Q_CLUSTER = {
    "name": "understudy",
    "orm": "default",
    "workers": whole_number("WORKERS", 2),
    "timeout": 60,
    "retry": 600,
    "max_attempts": 5,
    "ack_failures": True,
    "queue_limit": 8,
    "bulk": 4,
    "poll": 0.2,
    "save_limit": 0,
    "catch_up": False,
    "recycle": 500,
}

# Accounts -----------------------------------------------------------------------------------------

AUTH_USER_MODEL = "timetable.User"
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "timetable.backends.PasswordBackend",
    "timetable.backends.LoginBackend",
]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/"

ALLAUTH_TRUSTED_PROXY_COUNT = TRUSTED_PROXIES
ACCOUNT_ADAPTER = "timetable.adapters.AccountAdapter"
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
# Addresses come from the institute's own import, so nobody has to prove theirs.
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_EMAIL_SUBJECT_PREFIX = ""
ACCOUNT_LOGIN_BY_CODE_ENABLED = True
ACCOUNT_LOGIN_BY_CODE_TIMEOUT = 15 * 60
ACCOUNT_DEFAULT_HTTP_PROTOCOL = urlsplit(BASE_URL).scheme
ACCOUNT_EMAIL_UNKNOWN_ACCOUNTS = False

MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_TOTP_ISSUER = "Understudy"
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = DEBUG

# Single sign-on finds the account by the address that the provider vouches for; it never makes one.
SOCIALACCOUNT_ADAPTER = "timetable.adapters.SocialAccountAdapter"
SOCIALACCOUNT_EMAIL_AUTHENTICATION = True
SOCIALACCOUNT_EMAIL_AUTHENTICATION_AUTO_CONNECT = True
SOCIALACCOUNT_LOGIN_ON_GET = False
SOCIALACCOUNT_PROVIDERS: dict[str, Any] = {}
if env.str("OIDC_SERVER_URL", default=""):
    SOCIALACCOUNT_PROVIDERS["openid_connect"] = {
        "APPS": [
            {
                "provider_id": "institute",
                "name": env.str("OIDC_NAME", default="Single sign-on"),
                "client_id": env.str("OIDC_CLIENT_ID"),
                "secret": env.str("OIDC_CLIENT_SECRET"),
                "settings": {"server_url": env.str("OIDC_SERVER_URL")},
            }
        ]
    }

HEADLESS_CLIENTS = ("app",)
HEADLESS_TOKEN_STRATEGY = "allauth.headless.tokens.strategies.jwt.JWTTokenStrategy"  # noqa: S105
HEADLESS_JWT_ALGORITHM = "HS256"
# A token dies with its session, so that logging out, or a purge, ends API access as well.
HEADLESS_JWT_STATEFUL_VALIDATION_ENABLED = True

API_REQUESTS_PER_MINUTE = whole_number("API_REQUESTS_PER_MINUTE", 600)

AXES_FAILURE_LIMIT = 10
AXES_COOLOFF_TIME = 0.25
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_USERNAME_FORM_FIELD = "login"
AXES_RESET_ON_SUCCESS = True
AXES_DISABLE_ACCESS_LOG = True

# Mail and other messages --------------------------------------------------------------------------

EMAIL_BACKEND = env.str("EMAIL_BACKEND", default="django.core.mail.backends.console.EmailBackend")
EMAIL_HOST = env.str("EMAIL_HOST", default="localhost")
EMAIL_PORT = whole_number("EMAIL_PORT", 25)
EMAIL_HOST_USER = env.str("EMAIL_HOST_USER", default="")
EMAIL_HOST_PASSWORD = env.str("EMAIL_HOST_PASSWORD", default="")
EMAIL_USE_TLS = env.bool("EMAIL_USE_TLS", default=False)
EMAIL_USE_SSL = env.bool("EMAIL_USE_SSL", default=False)
EMAIL_TIMEOUT = whole_number("EMAIL_TIMEOUT", 20)
# Where django.core.mail.backends.filebased.EmailBackend puts its files.
EMAIL_FILE_PATH = env.path("EMAIL_FILE_PATH", default=str(VAR_DIR / "mail"))
DEFAULT_FROM_EMAIL = env.str("DEFAULT_FROM_EMAIL", default="Understudy <understudy@localhost>")
SERVER_EMAIL = env.str("SERVER_EMAIL", default=DEFAULT_FROM_EMAIL)
# ANYMAIL_MAILGUN_API_KEY, ANYMAIL_WEBHOOK_SECRET and so on: each under its own name.
ANYMAIL = {
    name.removeprefix("ANYMAIL_"): value
    for name, value in os.environ.items()
    if name.startswith("ANYMAIL_")
}
# An apprise address with {to} for the number, as twilio://SID:TOKEN@FROM/{to}. Unset: no SMS.
SMS_URL = env.str("SMS_URL", default="")
# A push service on this machine, which tests name here. Otherwise only public HTTPS ones are asked.
PUSH_TEST_SERVICE = ""
PHONENUMBER_DB_FORMAT = "E164"
PHONENUMBER_DEFAULT_FORMAT = "INTERNATIONAL"

# Webhooks lead to public addresses, on these ports; and to the networks that are named here.
try:
    WEBHOOK_PORTS = env.list("WEBHOOK_PORTS", cast=int, default=[443, 8443])
    WEBHOOK_NETWORKS = [
        str(ipaddress.ip_network(one)) for one in env.list("WEBHOOK_NETWORKS", default=[])
    ]
except ValueError as error:
    raise ImproperlyConfigured(
        "WEBHOOK_PORTS are whole numbers, WEBHOOK_NETWORKS like 10.20.0.0/16, separated by commas: "
        f"{error}."
    ) from None

# Languages and time -------------------------------------------------------------------------------

LANGUAGES = [("en", _("English")), ("de", _("German"))]
# Of the house: what is said to whoever has chosen none, and whose browser asks for none of these.
LANGUAGE_CODE = env.str("LANGUAGE_CODE", default="en")
if LANGUAGE_CODE not in dict(LANGUAGES):
    raise ImproperlyConfigured(
        f"LANGUAGE_CODE is {LANGUAGE_CODE!r}: use one of {', '.join(dict(LANGUAGES))}."
    )
LANGUAGE_COOKIE_NAME = "understudy_language"
LANGUAGE_COOKIE_AGE = 365 * 24 * 3600
LANGUAGE_COOKIE_HTTPONLY = True
LANGUAGE_COOKIE_SAMESITE = "Lax"
LANGUAGE_COOKIE_SECURE = HTTPS
LOCALE_PATHS = [BASE_DIR / "config" / "locale"]
FORMAT_MODULE_PATH = ["config.formats"]
USE_I18N = True
USE_TZ = True
TIME_ZONE = "UTC"

# Static files -------------------------------------------------------------------------------------

STATIC_URL = "static/"
STATIC_ROOT = VAR_DIR / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DEBUG
        else "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
}
MEDIA_ROOT = VAR_DIR / "media"
WHITENOISE_USE_FINDERS = DEBUG
if DEBUG:
    # WhiteNoise warns about a folder that development never fills.
    STATIC_ROOT.mkdir(parents=True, exist_ok=True)

# Logs ---------------------------------------------------------------------------------------------

LOG_LEVEL = env.str("LOG_LEVEL", default="INFO").upper()
if LOG_LEVEL not in logging.getLevelNamesMapping():
    raise ImproperlyConfigured(f"LOG_LEVEL is {LOG_LEVEL!r}: use DEBUG, INFO, WARNING or ERROR.")
shared_processors: list[structlog.typing.Processor] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
]
# Plain tracebacks: the boxed ones print every variable on the way, secrets too, and take a second each.
rendering: list[structlog.typing.Processor] = (
    [structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)]
    if DEBUG
    else [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
)
structlog.configure(
    processors=[
        structlog.stdlib.filter_by_level,
        *shared_processors,
        structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
    ],
    logger_factory=structlog.stdlib.LoggerFactory(),
    wrapper_class=structlog.stdlib.BoundLogger,
    cache_logger_on_first_use=True,
)
# To standard error: what a command prints with --json stays alone on standard output.
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "structured": {
            "()": structlog.stdlib.ProcessorFormatter,
            "foreign_pre_chain": [*shared_processors, structlog.stdlib.ExtraAdder()],
            "processors": [
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                *rendering,
            ],
        }
    },
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "structured"}},
    "root": {"handlers": ["console"], "level": LOG_LEVEL},
    "loggers": {
        "django": {"handlers": [], "level": LOG_LEVEL, "propagate": True},
        "django.server": {"handlers": [], "level": "INFO", "propagate": True},
        "axes": {"level": "WARNING"},
        # A line per queued and finished task would drown the rest.
        "django-q": {"level": "WARNING"},
    },
}
