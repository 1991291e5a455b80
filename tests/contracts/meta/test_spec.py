"""The repaired file is valid, and agrees with its own examples."""

import copy

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from tests.contracts.meta.spec import MESSAGES, WEBHOOKS, examples, faults, specification


def test_the_repaired_file_is_valid_openapi():
    document = copy.deepcopy(specification())
    assert [error.message for error in OpenAPIV31SpecValidator(document).iter_errors()] == []


@pytest.mark.parametrize(
    ("path", "how_many"),
    [(MESSAGES, 50), ("/{Version}/{Phone-Number-ID}/marketing_messages", 3), (WEBHOOKS, 16)],
)
def test_the_repaired_file_agrees_with_its_own_examples(path, how_many):
    told = {name: faults(path, "post", said) for name, said in examples(path, "post")}
    assert len(told) == how_many
    assert {name: fault for name, fault in told.items() if fault} == {}
