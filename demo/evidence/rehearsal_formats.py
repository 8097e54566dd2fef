"""A rehearsal for programs: as JSON, and as JUnit's XML, which CI servers show."""

import json
from dataclasses import asdict
from typing import Any
from xml.etree import ElementTree as ET

from demo.clean import clean
from demo.evidence.rehearsal_output import describe
from demo.evidence.rehearsal_result import RehearsalResult, Spread

JSON_VERSION = 1


def as_json(result: RehearsalResult) -> str:
    """Return the result as JSON; docs/rehearsing.md has its shape. `JSON_VERSION` grows when a field changes."""
    return json.dumps(
        {
            "version": JSON_VERSION,
            "subject": result.subject,
            "title": result.title,
            "ok": result.is_ok,
            "runs_wanted": result.wanted,
            "runs": len(result.runs),
            "interrupted": result.is_interrupted,
            "left_broken": bool(result.left_broken),
            "chapters": [_chapter(result, number) for number in result.numbers],
            "faults": [_fault(result, *key) for key in result.fault_keys()],
            "not_rehearsed": list(result.unused),
            "findings": [
                asdict(finding) | {"chapter": finding.chapter or None, "fault": finding.fault or None}
                for finding in result.findings
            ],
        },
        indent=2,
        ensure_ascii=False,
    )


def _chapter(result: RehearsalResult, number: int) -> dict[str, Any]:
    chapter, measured = result.deck[number - 1], result.chapter(number)
    judged = [one for one in measured if one.verdict is not None]
    return {
        "number": number,
        "title": chapter.title,
        "budget_sec": chapter.budget_sec,
        "machine_sec": _times(Spread.of(one.machine_sec for one in measured)),
        "actions": [one.action for one in measured],
        "prediction": chapter.hypothesis or None,
        "held": sum(one.held is True for one in judged),
        "not_held": sum(one.held is False for one in judged),
        "not_seen": sum(one.held is None for one in judged),
    }


def _fault(result: RehearsalResult, chapter: int, name: str) -> dict[str, Any]:
    measured = result.fault(chapter, name)
    return {
        "chapter": chapter,
        "name": name,
        "injections": sum(one.was_injected for one in measured),
        "detected_sec": _times(Spread.of(one.detected_sec for one in measured)),
        "heal_sec": _times(Spread.of(one.heal_sec for one in measured)),
        "recovered_sec": _times(Spread.of(one.recovered_sec for one in measured)),
        "came_back_sec": _times(Spread.of(one.came_back_sec for one in measured)),
    }


def _times(spread: Spread | None) -> dict[str, float] | None:
    return None if spread is None else {name: round(value, 3) for name, value in asdict(spread).items()}


def as_junit(result: RehearsalResult) -> str:
    """Return the result as JUnit's XML: a test case for the show, for each chapter and for each fault on it."""
    places = [(0, ""), *((number, "") for number in result.numbers), *result.fault_keys()]
    suite = ET.Element("testsuite", name=f"rehearsal of {clean(result.subject)}", tests=str(len(places)), errors="0")
    failed = 0
    for chapter, fault in sorted(places):
        name = _case_name(result, chapter, fault)
        case = ET.SubElement(suite, "testcase", classname=clean(result.subject), name=name)
        case.set("time", f"{_case_sec(result, chapter, fault):.3f}")
        found = [f for f in result.findings if f.chapter == chapter and f.fault == fault]
        texts = [clean(describe(finding, result)) for finding in found]
        if not chapter and result.is_interrupted:
            texts.insert(0, "the rehearsal was ended before it was complete")
        if texts:
            kind = found[0].kind if found else "incomplete"
            # One failure with all texts: several servers show only the first one of a test case.
            ET.SubElement(case, "failure", type=kind, message="; ".join(texts)).text = "\n".join(texts)
        failed += len(case) > 0
    suite.set("failures", str(failed))
    return ET.tostring(suite, encoding="unicode", xml_declaration=True) + "\n"


def _case_name(result: RehearsalResult, chapter: int, fault: str) -> str:
    if not chapter:
        return "the show as a whole"
    title = f"{chapter}. {clean(result.deck[chapter - 1].title)}"
    return f"{title}: {clean(fault)}" if fault else title


def _case_sec(result: RehearsalResult, chapter: int, fault: str) -> float:
    """Return the median of a chapter's machine time, or of a fault's recovery, in seconds."""
    if not chapter:
        return 0.0
    if fault:
        spread = Spread.of(one.recovered_sec for one in result.fault(chapter, fault))
    else:
        spread = Spread.of(one.machine_sec for one in result.chapter(chapter))
    return 0.0 if spread is None else spread.median
