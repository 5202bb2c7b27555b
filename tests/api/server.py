"""Serves the example site as ``runserver`` does, with room for more callers who wait: it lets ten, and resets the rest.

Run as ``python server.py PORT``, in the environment of a site.
"""

import os
import sys
from pathlib import Path

from django.core.servers.basehttp import WSGIServer, run

ROOM = 256


def main(port: str) -> None:
    """Serve until somebody ends the process."""
    sys.path[:0] = [str(Path(__file__).parents[2] / "example_project")]
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "edms.settings")
    from edms.wsgi import application

    WSGIServer.request_queue_size = ROOM
    run("127.0.0.1", int(port), application, threading=True, server_cls=WSGIServer)


if __name__ == "__main__":
    main(sys.argv[1])
