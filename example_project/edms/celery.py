"""The Celery app of the example EDMS; EDMS_BROKER_URL names its broker, EDMS_QUEUE the queue of its worker.

celery --app edms.celery worker
"""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "edms.settings")

app = Celery(
    "edms",
    broker=os.environ.get("EDMS_BROKER_URL", "redis://127.0.0.1:6379/0"),
    include=["edms_backup.tasks.celery"],
)
app.conf.task_default_queue = os.environ.get("EDMS_QUEUE", "celery")
app.conf.broker_connection_retry_on_startup = True
app.set_default()
