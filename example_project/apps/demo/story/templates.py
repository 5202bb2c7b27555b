"""Templates, the placeholders in them, and the documents that were made from them."""

from datetime import timedelta

from apps.demo.content import DOCX_TYPE, PDF_TYPE, docx, pdf
from apps.demo.factories.placeholders import (
    DocumentGenerationFactory,
    DocumentTemplateFactory,
    PlaceholderCacheFactory,
    PlaceholderDefinitionFactory,
    TemplatePlaceholderFactory,
)
from apps.settings.defaults import PLACEHOLDERS

from .site import Site

OWN_PLACEHOLDERS = (*PLACEHOLDERS, ("CLASSIFICATION", "Einstufung", "CUSTOM", "STATIC", ""))


def tell(site: Site) -> None:
    """Set up the templates and use one."""
    admin = site.user("admin")
    placeholders = [
        PlaceholderDefinitionFactory(
            name=name,
            display_name=label,
            placeholder_type=kind,
            data_source=data_source,
            source_field=field,
            format_string="" if kind != "DATE" else "am {value}",
            date_format="%d.%m.%Y" if kind == "DATE" else "%Y-%m-%d",
            default_value="vertraulich 🔒" if name == "CLASSIFICATION" else "",
            validation_rules={"max_length": 200, "pattern": None} if kind == "DOCUMENT" else {},
            created_by=admin,
        )
        for name, label, kind, data_source, field in OWN_PLACEHOLDERS
    ]
    lines = [f"{{{{{name}}}}}" for name, *_ in OWN_PLACEHOLDERS]
    for version, status in (("1.0", "ARCHIVED"), ("2.0", "ACTIVE")):
        stored = site.shelf.put(
            f"templates/cover v{version}.docx", docx(f"Cover sheet {version}", lines), DOCX_TYPE
        )
        template = DocumentTemplateFactory(
            name="Deckblatt",
            version=version,
            status=status,
            file_path=stored.path,
            is_default=status == "ACTIVE",
            usage_count=17,
            processing_rules={"order": ["DOC_NUMBER", {"then": "DOC_TITLE"}], "fallback": None},
            created_by=admin,
        )
        site.templates[version] = template
        for order, placeholder in enumerate(placeholders[: 4 if version == "1.0" else None]):
            TemplatePlaceholderFactory(
                template=template,
                placeholder=placeholder,
                order=order,
                default_value="–" if order == 3 else "",
            )
    _generations(site)
    for placeholder in placeholders[:3]:
        PlaceholderCacheFactory(
            placeholder=placeholder,
            cache_key=f"{placeholder.name}:{site.gone.pk}",
            cached_value="Ärger im Cache",
        )


def _generations(site: Site) -> None:
    """Make documents from the template: one came out, one didn't."""
    document = site.documents["SOP-2025-0003"]
    stored = site.shelf.put(
        "generated/SOP-2025-0003 cover.pdf", pdf("Deckblatt SOP-2025-0003", [document.title]), PDF_TYPE
    )
    DocumentGenerationFactory(
        template=site.templates["2.0"],
        source_document=document,
        output_file_path=stored.path,
        output_filename=stored.name,
        file_size=stored.size,
        file_checksum=stored.checksum,
        context_data={
            "document_id": document.pk,
            "values": {"AUTHOR_NAME": "Anna‑Lena Öztürk", "APPROVED_ON": None},
        },
        requested_by=site.user("author"),
    )
    DocumentGenerationFactory(
        template=site.templates["1.0"],
        status="FAILED",
        processing_time=timedelta(0),
        error_message="Platzhalter {{NIEMAND}} unbekannt",
        requested_by=site.user("søren.å"),
    )
