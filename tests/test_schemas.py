"""The documented schemas are those of the code, and describe what a name does not say."""

import json

import pytest

from backproof.reports.report import Report
from tests.schemas import ROOT, SCHEMAS


def in_order(schema):
    """With alternatives sorted: their order is not the same in every version of msgspec."""
    if isinstance(schema, dict):
        return {
            key: sorted(map(in_order, value), key=str) if key == "anyOf" else in_order(value)
            for key, value in schema.items()
        }
    return schema


@pytest.mark.parametrize("path", SCHEMAS)
def test_schema_file(path):
    """It is up to date, and all there are are tried."""
    assert in_order(json.loads((ROOT / path).read_bytes())) == in_order(json.loads(SCHEMAS[path].schema()))
    assert {found.relative_to(ROOT).as_posix() for found in ROOT.glob("[!.]*/**/*.schema.json")} == SCHEMAS.keys()


def test_every_field_of_the_outcome_is_described():
    """Fields whose names do not say it all have a description."""
    fields = json.loads(Report.schema())["$defs"]["QuantityOutcome"]["properties"]
    described = {
        name for name, field in fields.items() if "description" in field or "$ref" in field or "anyOf" in field
    }
    assert set(fields) - described == {"dtype", "oracle"}
