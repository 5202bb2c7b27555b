"""The example EDMS, with a header that forbids everything which does not come from the site itself."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from edms.settings import *
from edms.settings import MIDDLEWARE

POLICY = "default-src 'self'; object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors 'none'"


def strict(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Add the header to every answer that has none."""

    def answer(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        response.headers.setdefault("Content-Security-Policy", POLICY)
        return response

    return answer


MIDDLEWARE = ["tests.browser.site_settings.strict", *MIDDLEWARE]
EDMS_BACKUP = {**EDMS_BACKUP, "SITE_NAME": "Archive North"}
