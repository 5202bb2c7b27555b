"""The example EDMS. Where Celery carries runs out, whoever submits one has to know the site's Celery app."""

import os

if os.environ.get("EDMS_JOBS", "").startswith("celery"):
    from edms.celery import app as celery_app

    __all__ = ["celery_app"]
