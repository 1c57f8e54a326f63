"""`reports.report`: the documented schema is that of the code."""

import json
from pathlib import Path

from backproof.reports import report


def test_schema_file():
    """reports/report.schema.json is made from the module, and is up to date."""
    documented = Path(report.__file__).with_name("report.schema.json")
    assert documented.read_bytes() == report.schema()


def test_every_field_of_the_outcome_is_described():
    """Fields whose names do not say it all have a description."""
    fields = json.loads(report.schema())["$defs"]["QuantityOutcome"]["properties"]
    described = {
        name for name, field in fields.items() if "description" in field or "$ref" in field or "anyOf" in field
    }
    assert set(fields) - described == {"dtype", "oracle"}
