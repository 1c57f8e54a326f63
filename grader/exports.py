"""A grade as files: grade.json, feedback, and for other programs Gradescope's results.json, and JUnit's XML.

Gradescope: docs/specs.md in gradescope/autograder_samples. JUnit: the format that CI servers read, one suite a function
and one case a check.
"""

from __future__ import annotations

import contextlib
from pathlib import Path
from xml.etree import ElementTree

from backproof.grader.assignment import CouldNotGradeError
from backproof.grader.feedback import (
    counterexample_lines,
    counterexample_title,
    diagnosis_line,
    points,
    render,
    verdict,
)
from backproof.grader.grade import FunctionGrade, Grade
from backproof.verification.document import encoded


def write_grade(grade: Grade, out: Path) -> Path:
    """Write a grade's files into a folder of its own, named after the submission, in `out`; returns that folder.

    Raises CouldNotGradeError where they cannot be written.
    """
    folder = out / grade.submission
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "results.json").write_bytes(gradescope(grade))
        (folder / "junit.xml").write_bytes(junit(grade))
        for name in ("feedback.md", "feedback.html"):
            (folder / name).write_text(render(grade, name), encoding="utf-8")
        write_at_once(folder / "grade.json", grade.to_json())  # and last: where it is, all is
    except OSError as error:
        raise CouldNotGradeError(f"the output folder {folder} cannot be written: {error.strerror}") from error
    return folder


def write_at_once(path: Path, content: bytes) -> None:
    """Write a file that is there whole or, whatever happens, as it was before; raises OSError where it cannot be."""
    writing = path.with_name(f"{path.name}.writing")
    writing.write_bytes(content)
    writing.replace(path)


def write_not_graded(name: str, why: str, out: Path) -> None:
    """Write results.json and junit.xml for a submission that was not graded, for no fault of its own.

    There is no score in them, so that a learning platform tells the instructor and gives nobody a zero. Nothing is
    raised where they cannot be written: what kept it from being graded is what there is to tell.
    """
    said = f"This was not graded here: {why}"
    results = {"output": said, "output_format": "text", "visibility": "hidden", "stdout_visibility": "hidden"}
    suites = ElementTree.Element("testsuites", name=name)
    suite = ElementTree.SubElement(suites, "testsuite", name=name, tests="1", errors="1", failures="0", skipped="0")
    case = ElementTree.SubElement(suite, "testcase", classname=name, name="grading")
    ElementTree.SubElement(case, "error", message=said)
    with contextlib.suppress(OSError):
        (out / name).mkdir(parents=True, exist_ok=True)
        (out / name / "results.json").write_bytes(encoded(results))
        (out / name / "junit.xml").write_bytes(as_xml(suites))


def gradescope(grade: Grade) -> bytes:
    """The content of results.json: a test for each function, with its points and what the student is told."""
    results = {
        "score": grade.score,
        "execution_time": round(grade.timing.seconds, 3),
        "output": "\n".join([f"{grade.arithmetic} of {points(grade.max_score)} points", *grade.remarks]),
        "output_format": "text",
        "visibility": grade.visibility,
        "stdout_visibility": "hidden",
        "extra_data": {"exact_score": grade.exact_score, "key": grade.key, "sandbox": grade.sandbox},
        "tests": [
            {
                "number": str(i),
                "name": name,
                "score": function.points,
                "max_score": function.max_points,
                "status": "passed" if function.status == "passed" else "failed",
                "output": _told(grade, function),
                "output_format": "text",
                "visibility": function.visibility,
            }
            for i, (name, function) in enumerate(grade.functions.items(), 1)
        ],
    }
    return encoded(results)


def _told(grade: Grade, function: FunctionGrade) -> str:
    """What a student is told about a function, as plain text."""
    lines = [verdict(function)]
    if grade.feedback != "none" and function.status != "passed":
        lines += [function.cause, diagnosis_line(function), *function.explanation]
        lines += [function.text] * bool(function.text)
        if grade.feedback == "counterexamples" and function.counterexample is not None:
            found = function.counterexample
            lines += [counterexample_title(found), *counterexample_lines(found), "", "Step by step:", *found.steps]
    return "\n".join(lines)


def junit(grade: Grade) -> bytes:
    """The content of junit.xml: a suite for each function, a case for each check."""
    suites = ElementTree.Element("testsuites", name=grade.submission)
    for name, function in grade.functions.items():
        missing = function.status == "missing"
        failures = sum(missing or check.status == "failed" for check in function.checks)
        skipped = sum(not missing and check.status == "not checked" for check in function.checks)
        suite = ElementTree.SubElement(suites, "testsuite", name=name, errors="0", tests=str(len(function.checks)))
        suite.attrib |= {"failures": str(failures), "skipped": str(skipped)}
        for check in function.checks:
            case = ElementTree.SubElement(suite, "testcase", classname=f"{grade.submission}.{name}", name=check.name)
            if missing or check.status == "failed":
                why = check.cause if grade.feedback != "none" else "not right"
                ElementTree.SubElement(case, "failure", message=why)
            elif check.status == "not checked":
                why = check.cause if grade.feedback != "none" else "not checked"
                ElementTree.SubElement(case, "skipped", message=why)
    return as_xml(suites)


def as_xml(suites: ElementTree.Element) -> bytes:
    """A document as a file's bytes."""
    ElementTree.indent(suites)
    return ElementTree.tostring(suites, encoding="utf-8", xml_declaration=True) + b"\n"
