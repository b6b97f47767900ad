import gc
import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
application = get_wsgi_application()

from privacy.engine import get_scrubber  # noqa: E402  (logging is configured now)

# Built before gunicorn forks, so that it is in memory once and the first clinician does not wait for it.
get_scrubber()
# Nor is it copied: the collector writes to all that it may yet collect, and each worker's pages would become its own.
gc.freeze()
