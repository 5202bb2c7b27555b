"""What documents are filed under: types, sources and states, by the names that every new EDMS has."""

from apps.demo.content import DOCX_TYPE, docx
from apps.demo.factories.documents import DocumentSourceFactory, DocumentTypeFactory
from apps.demo.factories.workflows import DocumentStateFactory
from apps.demo.prose import PARAGRAPHS
from apps.settings.defaults import DOCUMENT_SOURCES, DOCUMENT_STATES, DOCUMENT_TYPES

from .site import Site

TYPES = (*DOCUMENT_TYPES, ("BMR", "Batch Manufacturing Record", 30))


def tell(site: Site) -> None:
    """Set up the catalogue."""
    form = site.shelf.put(
        "templates/SOP Vorlage (Größe A4).docx", docx("SOP template", PARAGRAPHS), DOCX_TYPE
    )
    for code, name, years in TYPES:
        site.types[code] = DocumentTypeFactory(
            code=code,
            name=name,
            description="" if code == "FRM" else f"{name} – {PARAGRAPHS[0]}",
            retention_years=years,
            template_required=code == "SOP",
            template_path=form.path if code == "SOP" else "",
            created_by=site.user("admin"),
            metadata={"colour": "#1f6f8b", "reviewers": [], "limits": {"pages": None, "factor": 0.1}},
        )
    for name, kind in DOCUMENT_SOURCES:
        site.sources[kind] = DocumentSourceFactory(
            name=name, source_type=kind, requires_verification=kind != "original_digital"
        )
    for code, name, initial, final in DOCUMENT_STATES:
        site.states[code] = DocumentStateFactory(
            code=code,
            name=name,
            description="" if final else f"Document is {name.lower()}.",
            is_initial=initial,
            is_final=final,
        )
