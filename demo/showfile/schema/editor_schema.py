"""The JSON Schema of a show file, for editors: completion, texts on hover, and wrong keys underlined."""

from typing import Any

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaMode, JsonSchemaValue, models_json_schema
from pydantic_core import core_schema

from demo.showfile.quantities import describe_duration
from demo.showfile.schema.chapters import ChapterSettings
from demo.showfile.schema.descriptions import DESCRIPTIONS
from demo.showfile.schema.front_matter import FrontMatter
from demo.showfile.schema.values import Settings

MODELS: tuple[type[Settings], ...] = (FrontMatter, ChapterSettings)
DIALECT = "https://json-schema.org/draft/2020-12/schema"


class _AsWritten(GenerateJsonSchema):
    """Describes values as they are written: where text is meant, an editor reads `8080` as a number."""

    def str_schema(self, schema: core_schema.StringSchema) -> JsonSchemaValue:
        found = super().str_schema(schema)
        return found if "pattern" in found else {**found, "type": ["string", "number", "boolean"]}


def editor_schema() -> dict[str, Any]:
    """Return the schema of a block of settings, front matter or a chapter's; `$defs` has each model by itself.

    It is one object with the keys of both: so an editor can say which key of a block is wrong.
    """
    mode: JsonSchemaMode = "validation"
    _, found = models_json_schema([(model, mode) for model in MODELS], schema_generator=_AsWritten)
    definitions: dict[str, Any] = found["$defs"]
    for name, model in definitions.items():
        texts = DESCRIPTIONS.get(name, {})
        for key, value in model.get("properties", {}).items():
            model["properties"][key] = _for_reading(value, texts.get(key, ""))
        model.pop("title", None)
    front, chapter = (definitions[model.__name__] for model in MODELS)
    return {
        "$schema": DIALECT,
        "title": "Settings of a show file: its front matter, or those of a chapter",
        "type": "object",
        "properties": {**chapter["properties"], **front["properties"]},
        "additionalProperties": False,
        "$defs": definitions,
    }


def _for_reading(value: dict[str, Any], description: str) -> dict[str, Any]:
    """Return a property with its text, and without the null that only means that the key is left out."""
    rest = {key: inner for key, inner in value.items() if key not in {"title", "description", "default"}}
    default = value.get("default")
    branches = rest.get("anyOf", [])
    if default is None and {"type": "null"} in branches:
        branches = [branch for branch in branches if branch != {"type": "null"}]
        rest = {**rest, "anyOf": branches} if len(branches) > 1 else branches[0]
    if isinstance(default, float) and "duration" in str(rest.get("x-means", branches)):
        default = describe_duration(default)
    return {
        **({"description": description} if description else {}),
        **rest,
        **({} if default is None else {"default": default}),
    }
