"""What comes in: each body and each query, with everything that is not known refused."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from edms_backup.service import Mode, RunKind, RunState

LONGEST_LABEL = 200
LONGEST_REASON = 500
ONE_LINE = "^[^\\u0000-\\u001f\\u007f-\\u009f]+$"
"""What a reason may be: any text without characters that command."""
_MOST_MODELS = 500
_FARTHEST = 1_000_000


class Strict(serializers.Serializer[Any]):
    """A body whose members are all known."""

    def to_internal_value(self, data: Any) -> Any:
        """Refuse what is not known."""
        strange = sorted(set(data) - set(self.fields)) if hasattr(data, "keys") else []
        if strange:
            raise serializers.ValidationError({str(strange[0])[:100]: ["There is no such member."]})
        return super().to_internal_value(data)


class Text(serializers.CharField):
    """A text that a person may type: one that databases can hold, and JSON says is a text."""

    def to_internal_value(self, data: Any) -> str:
        """Refuse what is no text, instead of making one of it."""
        if not isinstance(data, str):
            self.fail("invalid")
        return super().to_internal_value(data)


class Pattern(Text, serializers.RegexField):
    """A text of a certain form."""


class Flag(serializers.BooleanField):
    """``true`` or ``false``."""

    def to_internal_value(self, data: Any) -> bool:
        """Refuse what only looks like one."""
        if not isinstance(data, bool):
            self.fail("invalid", input=data)
        return bool(data)


class Number(serializers.IntegerField):
    """A whole number, written as one."""

    def to_internal_value(self, data: Any) -> int:
        """Refuse texts and fractions."""
        if type(data) is not int:
            self.fail("invalid")
        return super().to_internal_value(data)


class Names(serializers.ListField):
    """Labels of models, or of apps."""

    child = Pattern(ONE_LINE, max_length=LONGEST_LABEL, trim_whitespace=False)

    def __init__(self, **options: Any) -> None:
        super().__init__(max_length=_MOST_MODELS, **options)


class ReasonBody(Strict):
    """A call that needs no more than why."""

    reason = Pattern(
        ONE_LINE,
        max_length=LONGEST_REASON,
        required=False,
        trim_whitespace=False,
        help_text="Why; stands in the audit trail.",
    )


class CreateBody(ReasonBody):
    """What to put into a new package."""

    label = Pattern(ONE_LINE, max_length=LONGEST_LABEL, required=False, trim_whitespace=False)  # type: ignore[assignment]
    models = Names(required=False, help_text="Labels of models or apps; everything when left away.")
    exclude = Names(required=False, help_text="Labels that stay at home.")
    files = Flag(required=False, help_text="Whether the files of documents travel (true).")


class PlanBody(ReasonBody):
    """How to restore."""

    mode = serializers.ChoiceField(
        choices=[mode.value for mode in Mode],
        required=False,
        help_text="merge (default) keeps rows that the package does not know, replace deletes them.",
    )
    models = Names(required=False, help_text="Only these models or apps.")
    exclude = Names(required=False, help_text="All but these.")
    files = Flag(required=False, help_text="Whether files are restored (true).")


class ApplyBody(ReasonBody):
    """Which plan to carry out."""

    plan = serializers.UUIDField(help_text="The run that made the plan.")
    plan_digest = Pattern("^[0-9a-f]{64}$", max_length=64, help_text="plan_digest of its report.")


class UploadBody(ReasonBody):
    """What will be sent."""

    bytes = Number(min_value=1, max_value=2**53, help_text="Size of the package.")
    sha256 = Pattern(
        "^[0-9a-fA-F]{64}$",
        max_length=64,
        trim_whitespace=False,
        help_text="SHA-256 of the whole file, in hex.",
    )


class PasswordBody(Strict):
    """The password of who is signed in."""

    password = Pattern("^[^\\u0000]+$", max_length=4096, trim_whitespace=False)


class AnchorBody(Strict):
    """With what the audit trail is compared."""

    anchor = Pattern(
        "^[0-9]{1,18}:[0-9a-f]{64}$",
        max_length=83,
        required=False,
        trim_whitespace=False,
        help_text="What an earlier verification gave, and somebody kept elsewhere.",
    )


class PageQuery(Strict):
    """Which part of a list."""

    limit = serializers.IntegerField(min_value=1, max_value=200, default=50)
    offset = serializers.IntegerField(min_value=0, max_value=_FARTHEST, default=0)


class PackageQuery(PageQuery):
    """Which packages."""

    kind = serializers.ChoiceField(choices=["backup", "safety"], required=False)
    label = Pattern(ONE_LINE, max_length=LONGEST_LABEL, required=False, trim_whitespace=False)  # type: ignore[assignment]
    readable = serializers.ChoiceField(choices=["true", "false"], required=False)


class RunQuery(PageQuery):
    """Which runs."""

    kind = serializers.ChoiceField(choices=RunKind.values, required=False)
    state = serializers.ChoiceField(choices=RunState.values, required=False)
