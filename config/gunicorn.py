"""How a WSGI server serves it: `gunicorn --config python:config.gunicorn config.wsgi`."""

worker_class = "gthread"
workers = 2
threads = 4

# The API refuses a long address by itself and in its own form, before this: reallocation/api/parsing.py.
limit_request_line = 8190
