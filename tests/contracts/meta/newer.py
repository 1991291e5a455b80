"""Our own schema of what is newer than Meta's OpenAPI file, or was never in it (`newer.json`)."""

import json
from functools import cache
from pathlib import Path

from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match

SCHEMA = json.loads((Path(__file__).parent / "newer.json").read_text())


@cache
def _validator_of(name: str) -> Draft202012Validator:
    return Draft202012Validator({"$ref": f"#/$defs/{name}", "$defs": SCHEMA["$defs"]})


def newer_faults(name: str, said) -> str | None:
    """What is wrong with something that our schema describes by this name."""
    error = best_match(_validator_of(name).iter_errors(said))
    return None if error is None else f"{name} {error.json_path}: {error.message}"
