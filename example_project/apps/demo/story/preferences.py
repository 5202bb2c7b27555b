"""Settings that administrators keep in the database, and how the site looks."""

from apps.demo.content import PNG_TYPE, png
from apps.demo.factories.settings import (
    ConfigurationHistoryFactory,
    DefaultNotificationTemplateFactory,
    FeatureToggleFactory,
    NotificationTemplateFactory,
    SystemConfigurationFactory,
    UICustomizationFactory,
)
from apps.demo.rows import link
from apps.demo.source import EPOCH, later

from .site import Site

SETTINGS = (
    ("company.name", "SYSTEM", "STRING", "Beispiel Pharma AG"),
    ("company.slogan", "SYSTEM", "STRING", ""),
    ("security.session_minutes", "SECURITY", "INTEGER", "30"),
    ("security.api_secret", "SECURITY", "PASSWORD", "s3cr3t-ünicode-🔐"),
    ("smtp.password", "INTEGRATION", "PASSWORD", ""),
    ("documents.review_months", "WORKFLOW", "INTEGER", "24"),
    ("workflow.escalate", "WORKFLOW", "BOOLEAN", "true"),
    ("notification.sender", "NOTIFICATION", "EMAIL", "edms@example.com"),
    ("backup.threshold", "BACKUP", "FLOAT", "0.1"),
    ("integration.map", "INTEGRATION", "JSON", '{"ERP": [1, 2, null], "LIMS": {"ü": "ö"}}'),
)

MESSAGES = (
    ("EMAIL", "DOCUMENT_CREATED", True),
    ("EMAIL", "DOCUMENT_APPROVED", True),
    ("EMAIL", "DOCUMENT_APPROVED", False),
    ("EMAIL", "DOCUMENT_APPROVED", False),
    ("EMAIL", "WORKFLOW_ASSIGNED", True),
    ("IN_APP", "WORKFLOW_ASSIGNED", True),
    ("IN_APP", "DOCUMENT_EFFECTIVE", True),
)


def tell(site: Site) -> None:
    """Choose the settings."""
    admin = site.user("admin")
    for index, (key, category, kind, value) in enumerate(SETTINGS):
        setting = SystemConfigurationFactory(
            key=key,
            display_name=key.replace(".", " – "),
            category=category,
            setting_type=kind,
            value=value,
            default_value="" if index % 2 else value,
            allowed_values=["true", "false"] if kind == "BOOLEAN" else [],
            validation_rules={"min": None, "max": 10**12} if kind == "INTEGER" else {},
            is_sensitive=kind == "PASSWORD",
            updated_by=admin if index % 2 else None,
        )
        if index % 2 == 0:
            ConfigurationHistoryFactory(
                configuration=setting,
                old_value="" if index else "Muster GmbH",
                new_value=value,
                change_reason="Umfirmierung" if index == 0 else "",
                changed_by=admin,
                ip_address=None if index % 4 else "2001:db8::1",
            )
    _looks(site)
    for number, (channel, event, default) in enumerate(MESSAGES):
        kind = "" if default else f" (draft {number})"
        template = DefaultNotificationTemplateFactory if default else NotificationTemplateFactory
        template(
            name=f"{event.replace('_', ' ').capitalize()}{kind}",
            template_type=channel,
            event_type=event,
            is_default=default,
            subject_template="{{ document.title }} ✅",
            body_template="Guten Tag {{ user.first_name }},\n\n„{{ document.title }}“ …\n",
            html_template="<p>Guten Tag &amp; <b>{{ user.first_name }}</b></p>" if default else "",
            available_variables=["document", {"user": ["first_name", None]}],
            created_by=admin,
        )


def _looks(site: Site) -> None:
    """Paint the site, and switch features on for some."""
    admin = site.user("admin")
    picture = site.shelf.put("customizations/Kopfzeile grün.png", png(60, 12, (46, 139, 87)), PNG_TYPE)
    banner = UICustomizationFactory(
        name="Kopfzeile",
        customization_type="LOGO",
        uploaded_file=picture.path,
        settings_data={"position": "top", "sizes": [1, 1.5, 2], "alt": None},
        target_departments=["Produktion", "Quality Assurance"],
        created_by=admin,
    )
    empty = UICustomizationFactory(
        name="Dark", uploaded_file="", status="DRAFT", is_default=True, created_by=admin
    )
    UICustomizationFactory(name="Dark", customization_type="LAYOUT", status="INACTIVE", created_by=admin)
    link(banner, "target_users", [site.user("author"), site.user("søren.å")])
    link(empty, "target_users", [site.user("leaver")])
    for index, key in enumerate(("new_editor", "e_signature", "日本語_ui", "maintenance_mode")):
        toggle = FeatureToggleFactory(
            key=key,
            name=key.replace("_", " "),
            toggle_type=("EXPERIMENT", "RELEASE", "PERMISSION", "OPERATIONAL")[index],
            is_enabled=index < 2,
            rollout_percentage=25 * index,
            conditions={"any": [{"department": "Produktion"}, None]},
            target_roles=[site.roles["Document Author"].pk] if index else [],
            created_by=admin,
            start_date=later(EPOCH, days=index, microseconds=1) if index else None,
        )
        link(toggle, "target_users", [site.user(name) for name in ("author", "viewer")[:index]])
