"""The audit trail: is it what was written? Asked by a button, answered by a page."""

from __future__ import annotations

from django import forms
from django.http import HttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from edms_backup.admin.pages import Page

ANCHOR = 100
"""Characters of an anchor; those that exist have 66 and the digits of their number."""


class AnchorForm(forms.Form):
    """What an earlier verification gave, and somebody kept elsewhere."""

    anchor = forms.CharField(
        label=gettext_lazy("Anchor, if one was kept"),
        max_length=ANCHOR,
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
        help_text=gettext_lazy(
            "Number and digest of an entry; nothing up to it may have been changed since."
        ),
    )


def verify(page: Page) -> HttpResponse:
    """Look at every entry of the trail, on disk and in the database, and show what was found."""
    form = AnchorForm(page.request.POST)
    report = None
    if form.is_valid():
        report = page.service().verify_audit(anchor=str(form.cleaned_data["anchor"]))
    return page.render(
        "trail",
        _("Verification of the audit trail"),
        status=200 if report is not None else 400,
        section="audit",
        report=report,
        findings=[finding.to_dict() for finding in report.findings] if report is not None else [],
        form=form,
    )
