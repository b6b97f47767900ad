"""How gunicorn serves the web process: under ``manage.py up``, in its container, and in the tests."""

import os

from django.conf import settings

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

# Beside the threads that wait for the engine.
PAGE_THREADS = 8

workers = 2
# Threads, because a request mostly waits for the engine. More of them than the queue has places: otherwise requests
# would wait unseen, and nobody would be told so.
threads = settings.ENGINE_QUEUE + PAGE_THREADS
# The scrubber is in memory once.
preload_app = True
timeout = 180
control_socket_disable = True
