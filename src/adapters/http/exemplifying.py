"""An example for every body of the OpenAPI document, made of its schemas and of what fields are called."""

from collections.abc import Iterator, Mapping
from typing import Any, cast

Schema = dict[str, Any]

NAMED: Mapping[str, Any] = {
    "phone": "+442079460958",
    "to": "+442079460958",
    "countryCode": "+44",
    "country": "GB",
    "start": "21:00",
    "end": "08:00",
    "category": "MARKETING",
    "email": "ada@example.org",
    "password": "a long pass phrase",
    "currentPassword": "a long pass phrase",
    "newPassword": "another long pass phrase",
    "firstName": "Ada",
    "lastName": "Lovelace",
    "company": "Example Ltd",
    "jobTitle": "Engineer",
    "name": "spring_news",
    "title": "Spring news",
    "language": "en",
    "zone": "Europe/London",
    "url": "https://shop.example.org/hook",
    "link": "https://shop.example.org/hat.jpg",
    "body": "We open at nine.",
    "text": "We open at nine.",
    "wamid": "wamid.HBgMNDQyMDc5NDYwOTU4FQIAERgSNUY3",
    "wabaId": "102290129340398",
    "phoneNumberId": "106540352242922",
    "currency": "EUR",
    "code": "123456",
    "message": "Done",
    "requestId": "5f1d7a84db00d2fc",
}
"""What a field of this name holds, where its schema lets it."""
FORMATS: Mapping[str, str] = {
    "uuid": "018f4e2a-7c1b-7def-8a90-1234567890ab",
    "date-time": "2026-11-25T09:00:00Z",
    "date": "2026-11-25",
    "time": "09:00:00",
    "binary": "(a file)",
}
DEEPEST = 8
"""Schemas within one another, below which only what is needed is shown."""
METHODS = ("get", "put", "post", "patch", "delete")


def exemplify(document: Schema) -> Schema:
    """The document with an example in every JSON body that has none, sent and answered."""
    schemas: Mapping[str, Schema] = document.get("components", {}).get("schemas", {})
    for operation in _operations(document):
        for media in _bodies(operation.get("requestBody", {})):
            _add(media, schemas, whole=False)
        for answer in operation.get("responses", {}).values():
            for media in _bodies(answer):
                _add(media, schemas, whole=True)
    return document


def _operations(document: Schema) -> Iterator[Schema]:
    for path in document["paths"].values():
        yield from (path[method] for method in METHODS if path.get(method))


def _bodies(holder: Schema) -> Iterator[Schema]:
    content: dict[str, Schema] = holder.get("content") or {}
    for kind, media in content.items():
        if kind.startswith("application/json") and "schema" in media:
            yield media


def _add(media: Schema, schemas: Mapping[str, Schema], *, whole: bool) -> None:
    if "example" not in media and "examples" not in media:
        media["example"] = _Maker(schemas, whole).value(media["schema"], "", ())


class _Maker:
    """Makes values of schemas. `whole` ones have every field, others only those that are needed."""

    def __init__(self, schemas: Mapping[str, Schema], whole: bool) -> None:
        self._schemas, self._whole = schemas, whole

    def value(self, schema: Schema, name: str, inside: tuple[str, ...]) -> Any:
        if "$ref" in schema:
            reference = schema["$ref"].rsplit("/", 1)[-1]
            return self.value(self._schemas[reference], name, (*inside, reference))
        if "const" in schema:
            return schema["const"]
        if schema.get("enum"):
            return schema["enum"][0]
        for several in ("oneOf", "anyOf"):
            if schema.get(several):
                return self.value(self._simplest(schema[several], inside), name, inside)
        return self._plain(_kind(schema), schema, name, inside)

    def _plain(self, kind: str, schema: Schema, name: str, inside: tuple[str, ...]) -> Any:
        match kind:
            case "object":
                return self._object(schema, inside)
            case "array":
                return self._array(schema, name, inside)
            case "string":
                return _text(schema, name)
            case "integer" | "number":
                return _number(schema)
            case "boolean":
                return True
            case "null":
                return None
            case _:
                return {}

    def _object(self, schema: Schema, inside: tuple[str, ...]) -> Schema:
        fields: dict[str, Schema] = schema.get("properties", {})
        needed: list[str] = schema.get("required", [])
        everything = self._whole and len(inside) < DEEPEST
        wanted = [each for each in fields if everything or each in needed]
        chosen = [each for each in wanted if each in needed or self._ends(fields[each], inside)]
        return {each: self.value(fields[each], each, inside) for each in chosen}

    def _array(self, schema: Schema, name: str, inside: tuple[str, ...]) -> list[Any]:
        items: Schema = schema.get("items") or Schema()
        fixed: list[Schema] = schema.get("prefixItems", [])
        if fixed:
            return [self.value(each, name, inside) for each in fixed]
        if not self._ends(items, inside) and not schema.get("minItems"):
            return []
        singular = name.removesuffix("s")
        return [self.value(items, singular, inside) for _ in range(max(schema.get("minItems", 1), 1))]

    def _simplest(self, choices: list[Schema], inside: tuple[str, ...]) -> Schema:
        """The first that is something and does not come back to where we are."""
        real = [each for each in choices if each.get("type") != "null"]
        return next((each for each in real if self._ends(each, inside)), real[0] if real else choices[0])

    def _ends(self, schema: Schema, inside: tuple[str, ...]) -> bool:
        """Whether a value of it can be made without one of what we are in the middle of making."""
        if "$ref" in schema:
            return schema["$ref"].rsplit("/", 1)[-1] not in inside
        choices: list[Schema] = [*schema.get("oneOf", ()), *schema.get("anyOf", ())]
        return any(self._ends(each, inside) for each in choices) if choices else True


def _number(schema: Schema) -> float:
    least: float = schema.get("minimum", schema.get("exclusiveMinimum", 0))
    most: float = schema.get("maximum", schema.get("exclusiveMaximum", max(least, 1)))
    return min(max(least, 1), most) if least or most >= 1 else most / 2


def _kind(schema: Schema) -> str:
    said: Any = schema.get("type")
    if isinstance(said, list):
        return next((each for each in cast("list[str]", said) if each != "null"), "null")
    return str(said)


def _text(schema: Schema, name: str) -> str:
    given = FORMATS.get(schema.get("format", "")) or NAMED.get(name)
    text = given if isinstance(given, str) else name or "text"
    longest: int | None = schema.get("maxLength")
    return text[:longest].ljust(schema.get("minLength", 0), "x")
