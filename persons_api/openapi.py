"""The OpenAPI document as ``/api/schema/`` serves it, written without a server."""

import os
import secrets
from typing import Any


def document() -> str:
    """YAML. Needs no store: the routes tell everything."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "persons_api.settings")
    # Signs nothing here.
    os.environ.setdefault("PERSONS_API_SECRET_KEY", secrets.token_hex())
    import django

    django.setup()
    from drf_spectacular.generators import SchemaGenerator
    from drf_spectacular.renderers import OpenApiYamlRenderer

    generator: Any = SchemaGenerator
    renderer: Any = OpenApiYamlRenderer
    schema = generator().get_schema(request=None, public=True)
    text: bytes = renderer().render(schema, renderer_context={})
    return text.decode()
