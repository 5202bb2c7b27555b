"""Factories for templates and the placeholders in them."""

from datetime import timedelta

import factory

from .base import DAY, Moment, RawFactory, Uuid, after, end


class PlaceholderDefinitionFactory(RawFactory):
    """Placeholders that templates may use."""

    class Meta:
        model = "placeholders.PlaceholderDefinition"
        django_get_or_create = ("name",)

    uuid = Uuid()
    name = factory.Sequence(lambda number: f"PLACEHOLDER_{number}")
    display_name = factory.LazyAttribute(lambda row: row.name.replace("_", " ").capitalize())
    description = ""
    placeholder_type = "DOCUMENT"
    data_source = "DOCUMENT_MODEL"
    source_field = ""
    format_string = ""
    default_value = ""
    validation_rules = factory.LazyFunction(dict)
    requires_permission = ""
    created_at = Moment()
    updated_at = after("created_at", minutes=1, microseconds=13)
    created_by = factory.SubFactory("apps.demo.factories.users.UserFactory")


class DocumentTemplateFactory(RawFactory):
    """Templates that documents are made from."""

    class Meta:
        model = "placeholders.DocumentTemplate"
        django_get_or_create = ("name", "version")

    uuid = Uuid()
    name = factory.Sequence(lambda number: f"Template {number}")
    description = ""
    template_type = "DOCX"
    file_path = ""
    processing_rules = factory.LazyFunction(dict)
    version = "1.0"
    status = "ACTIVE"
    created_at = Moment()
    updated_at = after("created_at", days=3, microseconds=23)
    created_by = factory.SubFactory("apps.demo.factories.users.UserFactory")


class TemplatePlaceholderFactory(RawFactory):
    """Placeholders that a template uses."""

    class Meta:
        model = "placeholders.TemplatePlaceholder"
        django_get_or_create = ("template", "placeholder")

    uuid = Uuid()
    template = factory.SubFactory(DocumentTemplateFactory)
    placeholder = factory.SubFactory(PlaceholderDefinitionFactory)
    default_value = ""
    validation_rules = factory.LazyFunction(dict)
    format_override = ""
    created_at = Moment()


class DocumentGenerationFactory(RawFactory):
    """Documents that were made from a template."""

    class Meta:
        model = "placeholders.DocumentGeneration"

    uuid = Uuid()
    template = factory.SubFactory(DocumentTemplateFactory)
    source_document = None
    output_format = "PDF"
    context_data = factory.LazyFunction(dict)
    generation_options = factory.LazyFunction(dict)
    status = "COMPLETED"
    output_file_path = ""
    output_filename = ""
    file_size = None
    file_checksum = ""
    created_at = Moment()
    started_at = after("created_at", seconds=1, microseconds=7)
    processing_time = timedelta(seconds=2, microseconds=718281)
    completed_at = end("started_at", "processing_time")
    error_message = ""
    requested_by = factory.SubFactory("apps.demo.factories.users.UserFactory")


class PlaceholderCacheFactory(RawFactory):
    """Values of placeholders that were worked out lately."""

    class Meta:
        model = "placeholders.PlaceholderCache"
        django_get_or_create = ("placeholder", "cache_key")

    uuid = Uuid()
    placeholder = factory.SubFactory(PlaceholderDefinitionFactory)
    cache_key = factory.Sequence(lambda number: f"placeholder:{number}")
    cached_value = ""
    context_hash = "0" * 64
    created_at = Moment()
    expires_at = factory.LazyAttribute(lambda row: row.created_at + DAY)
