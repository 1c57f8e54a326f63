"""The JSON Schemas of all documents, made from the classes that write them: `make schemas`."""

from pathlib import Path

from backproof.grader.grade import Grade
from backproof.reports.report import Report
from backproof.studies.claims.claim import Claims
from backproof.studies.frameworks.report import FrameworksReport
from backproof.studies.power.report import PowerReport

ROOT = Path(__file__).parents[1]
SCHEMAS = {
    "reports/report.schema.json": Report,
    "studies/claims/claims.schema.json": Claims,
    "studies/frameworks/frameworks.schema.json": FrameworksReport,
    "studies/power/power.schema.json": PowerReport,
    "grader/grade.schema.json": Grade,
}

if __name__ == "__main__":
    for path, document in SCHEMAS.items():
        (ROOT / path).write_bytes(document.schema())
