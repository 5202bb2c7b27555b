"""What people type: each form says what it wants, and confirms who they are where something can be lost."""

from __future__ import annotations

from typing import Any

from django import forms
from django.apps import apps
from django.core.exceptions import ValidationError
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _

from edms_backup.admin.pages import APP, Page
from edms_backup.errors import ReauthenticationRequired
from edms_backup.service import Mode
from edms_backup.service.people import confirm, is_confirmed

REASON = 300
"""Characters of a reason."""


class ReasonForm(forms.Form):
    """Why something is done, in people's own words."""

    reason = forms.CharField(
        label=_("Reason"),
        max_length=REASON,
        required=False,
        help_text=_("Stands in the audit trail."),
    )
    once = forms.CharField(max_length=64, required=False, widget=forms.HiddenInput)

    @property
    def reason_given(self) -> str:
        """Return the reason of a valid form."""
        return str(self.cleaned_data["reason"])

    @property
    def key(self) -> str:
        """Return what keeps a form that is sent twice from being done twice."""
        return str(self.cleaned_data["once"])


class CreateForm(ReasonForm):
    """What goes into a package."""

    label = forms.CharField(
        label=_("Label"),
        max_length=200,
        required=False,
        help_text=_("What you will know this package by, for example: before the upgrade."),
    )
    with_files = forms.BooleanField(label=_("With the document files"), required=False, initial=True)
    parts = forms.MultipleChoiceField(
        label=_("Only these parts"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text=_(
            "Leave all of them unchecked for a whole backup. A package of some parts does not count as one."
        ),
    )
    field_order = ("label", "reason", "with_files", "parts", "once")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Offer the apps that have rows."""
        super().__init__(*args, **kwargs)
        known = [
            (config.label, capfirst(config.verbose_name))
            for config in apps.get_app_configs()
            if config.label != APP and any(model._meta.managed for model in config.get_models())
        ]
        self.fields["parts"].choices = sorted(known, key=lambda part: part[1])  # type: ignore[attr-defined]


class UploadForm(ReasonForm):
    """A package from elsewhere."""

    package = forms.FileField(label=_("Package file"))
    field_order = ("package", "reason", "once")


class PlanForm(forms.Form):
    """How a package shall be restored."""

    mode = forms.ChoiceField(
        label=_("What happens to rows that the package does not know"),
        choices=[
            (Mode.MERGE.value, _("Merge: they stay; what the package knows is inserted or updated.")),
            (
                Mode.REPLACE.value,
                _("Replace: they are deleted; afterwards there is exactly what was backed up."),
            ),
        ],
        initial=Mode.MERGE.value,
        widget=forms.RadioSelect,
    )
    with_files = forms.BooleanField(label=_("With the document files"), required=False, initial=True)


class PasswordForm(ReasonForm):
    """Something that cannot be taken back by anybody who finds an unlocked screen: the password once more."""

    password = forms.CharField(
        label=_("Your password"),
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )
    field_order: tuple[str, ...] = ("reason", "password", "once")

    def __init__(self, page: Page, *args: Any, **kwargs: Any) -> None:
        """Ask for the password unless it was typed a short while ago."""
        super().__init__(*args, **kwargs)
        self.page = page
        if is_confirmed(page.request):
            del self.fields["password"]

    def clean_password(self) -> str:
        """Refuse a password that is not the one of who is signed in."""
        try:
            confirm(self.page.request, str(self.cleaned_data["password"]))
        except ReauthenticationRequired as error:
            raise ValidationError(_("That is not your password."), code="password") from error
        return ""


class ConfirmForm(PasswordForm):
    """The site's name, typed: nobody restores into the wrong window."""

    typed = forms.CharField(
        label=_("The name of this site"), widget=forms.TextInput(attrs={"autocomplete": "off"})
    )
    field_order = ("typed", "reason", "password", "once")

    def clean_typed(self) -> str:
        """Refuse another name."""
        typed = str(self.cleaned_data["typed"]).strip()
        if typed != self.page.site_name:
            raise ValidationError(_("That is not the name of this site; nothing was begun."), code="typed")
        return typed
