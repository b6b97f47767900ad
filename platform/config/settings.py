"""All settings, read top to bottom. Every value that may differ between clinics comes from the environment."""

import os
from datetime import timedelta
from pathlib import Path
from typing import Any

import environ
from csp.constants import NONCE, NONE, SELF
from django.core.exceptions import ImproperlyConfigured

from config import env

BASE_DIR = Path(__file__).resolve().parent.parent.parent
VAR = env.folder("PRECIS_VAR", BASE_DIR / "var")
DEBUG = env.boolean("PRECIS_DEBUG", False)

# --- secrets -----------------------------------------------------------------------------------------------
SECRET_KEY = env.secret("SECRET_KEY", VAR / "secrets" / "secret_key")
# Wraps every clinic's data key and signs the audit chain. Losing it loses the records: back it up.
MASTER_KEY = env.secret("PRECIS_MASTER_KEY", VAR / "secrets" / "master_key")

# --- where Precis answers ----------------------------------------------------------------------------------
WEB_HOST = env.text("PRECIS_HOST", "127.0.0.1")
WEB_PORT = env.integer("PRECIS_PORT", 8000, low=1, high=65535)
ALLOWED_HOSTS = env.words("PRECIS_ALLOWED_HOSTS", "localhost,127.0.0.1,[::1]")
CSRF_TRUSTED_ORIGINS = env.words("PRECIS_TRUSTED_ORIGINS", "")
# Behind a TLS proxy set this to yes: cookies then travel over HTTPS only.
HTTPS = env.boolean("PRECIS_HTTPS", False)
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if HTTPS else None

# --- apps --------------------------------------------------------------------------------------------------
INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django_htmx",
    "ninja",
    "axes",
    "csp",
    "config",
    "accounts",
    "audit",
    "records",
    "training",
    "summaries",
    "dashboard",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "accounts.middleware.SessionLimitsMiddleware",
    "audit.middleware.DenialMiddleware",
    "axes.middleware.AxesMiddleware",
]

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": False,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "dashboard.context.navigation",
            ],
            "libraries": {"precis": "dashboard.template_tags"},
        },
    }
]

# --- data --------------------------------------------------------------------------------------------------


def _database() -> dict[str, Any]:
    url = env.text("DATABASE_URL", f"sqlite:///{VAR / 'precis.sqlite3'}")
    config: dict[str, Any] = environ.Env.db_url_config(url)
    if config.get("ENGINE") == "django.db.backends.sqlite3":
        # Measured with eight writers: 0 of 1200 writes failed; Django's defaults failed 448.
        config["OPTIONS"] = {
            "transaction_mode": "IMMEDIATE",
            "timeout": 20,
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA busy_timeout=20000; "
            # Overwrites what is deleted: an erased record leaves no page behind.
            "PRAGMA secure_delete=ON;",
        }
    elif config.get("ENGINE") == "django.db.backends.postgresql":
        config |= {"CONN_MAX_AGE": 60, "CONN_HEALTH_CHECKS": True}
    else:
        raise ImproperlyConfigured("DATABASE_URL must start with sqlite:/// or postgres://.")
    return config


DATABASES = {"default": _database()}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# The folder broker by default; redis:// or amqp:// in production.
BROKER_URL = env.text("BROKER_URL", f"folder://{VAR / 'broker'}")
if BROKER_URL.partition("://")[0] not in {"folder", "redis", "rediss", "amqp", "amqps"}:
    raise ImproperlyConfigured("BROKER_URL must start with folder://, redis:// or amqp://.")

# --- models ------------------------------------------------------------------------------------------------
MODELS_DIR = env.folder("PRECIS_MODELS_DIR", VAR / "models")
TOOLS_DIR = env.folder("PRECIS_TOOLS_DIR", VAR / "tools")
# Where an administrator puts model folders of the clinic's own; each is then a base "local:FOLDER".
LOCAL_MODELS_DIR = Path(path) if (path := env.text("PRECIS_LOCAL_MODELS", "")) else None

# --- limits ------------------------------------------------------------------------------------------------
# Which model finds identifiers beside the rules: "embedded", "spacy:NAME", or a folder that adopt_tagger or train_tagger made.
TAGGER = env.text("PRECIS_TAGGER", "embedded")
MAX_UPLOAD_BYTES = env.integer("PRECIS_MAX_UPLOAD_MB", 20, low=1, high=2000) * 1024 * 1024
DATA_UPLOAD_MAX_MEMORY_SIZE = 5 * 1024 * 1024
FILE_UPLOAD_HANDLERS = [
    "records.uploadhandler.LimitedUploadHandler",
    "django.core.files.uploadhandler.MemoryFileUploadHandler",
    "django.core.files.uploadhandler.TemporaryFileUploadHandler",
]
# Uploads wait in memory, never as clear text in a temp folder: the limit above bounds them.
FILE_UPLOAD_MAX_MEMORY_SIZE = MAX_UPLOAD_BYTES + 1024 * 1024 + 1
STAGE_THREADS = env.integer("PRECIS_STAGE_THREADS", os.cpu_count() or 1, low=1, high=256)
# How much training a power loss may cost.
CHECKPOINT_SECONDS = env.integer("PRECIS_CHECKPOINT_SECONDS", 60, low=1, high=3600)
# Requests that the engine may have before it at once; whoever comes then is told when to come again.
ENGINE_QUEUE = env.integer("PRECIS_ENGINE_QUEUE", 16, low=1, high=1000)
# A server elsewhere in the clinic that answers in the place of our own engine, and its key (docs/engines.md).
ENGINE_URL = env.inside_url("PRECIS_ENGINE_URL")
ENGINE_KEY = env.given_secret("PRECIS_ENGINE_KEY")
# A server in the clinic whose model may write summaries for a student to learn (docs/smaller.md).
TEACHER_URL = env.inside_url("PRECIS_TEACHER_URL")
TEACHER_KEY = env.given_secret("PRECIS_TEACHER_KEY")
TEACHER_MODEL = env.text("PRECIS_TEACHER_MODEL", "")
# One whose model explains what the check flags, in the place of the model that wrote it (docs/engines.md).
EXPLAINER_URL = env.inside_url("PRECIS_EXPLAINER_URL")
EXPLAINER_KEY = env.given_secret("PRECIS_EXPLAINER_KEY")
EXPLAINER_MODEL = env.text("PRECIS_EXPLAINER_MODEL", "")
# A stage whose worker vanished is tried again this often before a person is asked.
MAX_ATTEMPTS = 5
LEASE_SECONDS = env.integer("PRECIS_LEASE_SECONDS", 60, low=2, high=3600)

# --- people ------------------------------------------------------------------------------------------------
AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "django.contrib.auth.backends.ModelBackend",
]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 12},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "accounts:sign_in"
LOGIN_REDIRECT_URL = "dashboard:home"
LOGOUT_REDIRECT_URL = "accounts:sign_in"
AXES_FAILURE_LIMIT = 6
AXES_COOLOFF_TIME = timedelta(minutes=15)
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_RESET_ON_SUCCESS = True
AXES_LOCKOUT_TEMPLATE = "accounts/locked_out.html"
AXES_VERBOSE = False
# 45 CFR 164.312(a)(2)(iii), automatic logoff.
SESSION_IDLE_SECONDS = env.integer("PRECIS_IDLE_MINUTES", 15, low=1, high=240) * 60
SESSION_ABSOLUTE_SECONDS = 12 * 3600
SESSION_COOKIE_AGE = SESSION_ABSOLUTE_SECONDS
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_EXPIRE_AT_BROWSER_CLOSE = True

# --- pages -------------------------------------------------------------------------------------------------
STATIC_URL = "static/"
STATICFILES_DIRS = [BASE_DIR / "templates" / "static"]
STATIC_ROOT = VAR / "static"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
LANGUAGE_CODE = "en-us"
TIME_ZONE = env.text("TZ", "UTC")
USE_TZ = True
X_FRAME_OPTIONS = "DENY"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF, NONCE],
        "style-src": [SELF, NONCE],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
    }
}

# --- logs: what happened and to which id, never patient text ------------------------------------------------
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {"no_text": {"()": "config.logs.ExceptionTypeOnly"}},
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"}},
    "handlers": {
        "console": {"class": "logging.StreamHandler", "formatter": "line", "filters": ["no_text"]},
    },
    "root": {"handlers": ["console"], "level": "INFO"},
    # Django's own handlers mail or print tracebacks with local values; ours is the only one.
    "loggers": {
        "django": {"handlers": [], "propagate": True},
        "django.server": {"handlers": [], "propagate": True},
        "httpx": {"level": "WARNING"},
        "presidio-analyzer": {"level": "ERROR"},
        "axes": {"level": "WARNING"},
        "absl": {"level": "WARNING"},
        # Names the letters that a PDF is written in.
        "fontTools": {"level": "WARNING"},
    },
}
