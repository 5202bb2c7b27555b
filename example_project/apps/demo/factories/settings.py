"""Factories for the settings that administrators keep in the database."""

import factory

from .base import Moment, RawFactory, Uuid, after


class SystemConfigurationFactory(RawFactory):
    """Settings by key."""

    class Meta:
        model = "settings.SystemConfiguration"
        django_get_or_create = ("key",)

    uuid = Uuid()
    key = factory.Sequence(lambda number: f"setting.{number}")
    display_name = factory.SelfAttribute("key")
    description = ""
    category = "SYSTEM"
    setting_type = "STRING"
    value = ""
    default_value = ""
    validation_rules = factory.LazyFunction(dict)
    allowed_values = factory.LazyFunction(list)
    created_at = Moment()
    updated_at = after("created_at", days=30, microseconds=77)


class UICustomizationFactory(RawFactory):
    """How the EDMS looks, for all or for some users."""

    class Meta:
        model = "settings.UICustomization"

    uuid = Uuid()
    name = "Customization"
    description = ""
    customization_type = "THEME"
    settings_data = factory.LazyFunction(dict)
    uploaded_file = None
    status = "ACTIVE"
    target_departments = factory.LazyFunction(list)
    created_at = Moment()
    updated_at = after("created_at", minutes=20, microseconds=41)
    created_by = factory.SubFactory("apps.demo.factories.users.UserFactory")


class FeatureToggleFactory(RawFactory):
    """Features that can be switched on and off."""

    class Meta:
        model = "settings.FeatureToggle"
        django_get_or_create = ("key",)

    uuid = Uuid()
    key = factory.Sequence(lambda number: f"feature_{number}")
    name = factory.SelfAttribute("key")
    description = ""
    toggle_type = "RELEASE"
    conditions = factory.LazyFunction(dict)
    target_roles = factory.LazyFunction(list)
    created_at = Moment()
    updated_at = after("created_at", minutes=40, microseconds=43)
    created_by = factory.SubFactory("apps.demo.factories.users.UserFactory")


class ConfigurationHistoryFactory(RawFactory):
    """Earlier values of settings."""

    class Meta:
        model = "settings.ConfigurationHistory"

    uuid = Uuid()
    configuration = factory.SubFactory(SystemConfigurationFactory)
    change_type = "UPDATE"
    old_value = ""
    new_value = ""
    change_reason = ""
    changed_by = factory.SubFactory("apps.demo.factories.users.UserFactory")
    changed_at = Moment()
    ip_address = None


class NotificationTemplateFactory(RawFactory):
    """Texts of messages; one default per kind and event."""

    class Meta:
        model = "settings.NotificationTemplate"

    uuid = Uuid()
    name = "Message"
    description = ""
    template_type = "EMAIL"
    event_type = "DOCUMENT_CREATED"
    subject_template = ""
    body_template = ""
    html_template = ""
    available_variables = factory.LazyFunction(list)
    version = "1.0"
    created_at = Moment()
    updated_at = after("created_at", minutes=60, microseconds=47)
    created_by = factory.SubFactory("apps.demo.factories.users.UserFactory")


class DefaultNotificationTemplateFactory(NotificationTemplateFactory):
    """The text of messages of a kind and event unless somebody chooses another one."""

    class Meta:
        model = "settings.NotificationTemplate"
        django_get_or_create = ("template_type", "event_type", "is_default")

    is_default = True
