"""PURE: findings as JUnit XML, which CI systems show."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from fivetran_async.as_code._checks.checks import CheckFindings, Finding

_NAME: Final = "fivetran"
_NOT_IN_XML: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def junit(findings: Iterable[Finding]) -> str:
    """
    Return findings as JUnit XML: a test suite per rule, and a failure per finding.

    A rule without findings is a suite with one test case that passed, so that reports show what was
    checked; this needs the result of `check`, not a list of findings.

    Args:
        findings: The result of `check`, or some of its findings.
    """
    found = list(findings)
    checked = dict(findings.checked) if isinstance(findings, CheckFindings) else {}
    by_rule: dict[str, list[Finding]] = {name: [] for name in checked}
    for each in found:
        by_rule.setdefault(each.rule, []).append(each)
    root = Element("testsuites", name=_NAME)
    for name, own in by_rule.items():
        _add_suite(root, name, own, checked.get(name))
    suites = list(root)
    root.set("tests", str(sum(int(suite.get("tests", "0")) for suite in suites)))
    root.set("failures", str(len(found)))
    root.set("errors", "0")
    indent(root)
    return f"<?xml version='1.0' encoding='UTF-8'?>\n{tostring(root, encoding='unicode')}\n"


def _add_suite(root: Element, name: str, own: list[Finding], count: int | None) -> None:
    suite = SubElement(root, "testsuite", name=_printable(f"{_NAME}.{name}"))
    for each in own:
        case = SubElement(
            suite,
            "testcase",
            classname=_printable(f"{_NAME}.{name}"),
            name=_printable(each.address),
        )
        failure = SubElement(case, "failure", message=_printable(each.message), type=each.kind)
        failure.text = _printable(str(each))
    clean = (count or 0) - len({each.address for each in own})
    if clean > 0 or not own:
        # One for all: an account has thousands of objects.
        SubElement(
            suite,
            "testcase",
            classname=_printable(f"{_NAME}.{name}"),
            name=f"{max(clean, 0)} objects without findings",
        )
    suite.set("tests", str(len(suite)))
    suite.set("failures", str(len(own)))
    suite.set("errors", "0")


def _printable(text: str) -> str:
    return _NOT_IN_XML.sub("?", text)
