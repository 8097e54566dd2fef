"""Checks of the subject that a show file names: that it exists, and that it takes the options of the file."""

import logging

from demo.errors import DemoError, UsageError, log_unexpected
from demo.showfile.checks.places import Checked, unknown
from demo.showfile.schema_problems import did_you_mean
from demo.showfile.subject_options import written_options
from demo.subjects.installed import installed_names
from demo.subjects.options import Given, dashed
from demo.subjects.registry import load, names, options, takes

logger = logging.getLogger(__name__)

FOR_THE_COMMAND_LINE = {
    "allow_unlabelled": "which containers may be broken is for the presenter to say: give --allow-unlabelled instead"
}
"""Options that a file cannot give, with the reason."""


def check_subject(checked: Checked) -> tuple[str, ...] | None:
    """Report a subject or an option that does not exist, and return the names of the subject's faults.

    None: they are not known, because the subject is a class of somebody's own, which a check does not run.
    """
    subject, written = checked.settings.subject, checked.settings.options
    if subject is None:
        if written:
            text = "options are those of a subject: name it with subject, like subject: ratelimiter"
            checked.front.error(("options",), text, at_key=True)
        return ()
    if ":" in subject:
        return None
    known = (*names(), *installed_names())
    if subject not in known:
        checked.front.error(("subject",), unknown("subject", subject, known) + ", or your own as module:Class")
        return None
    return _check_options(checked, subject)


def _check_options(checked: Checked, subject: str) -> tuple[str, ...] | None:
    """Check each option by itself, and then all of them together, by making the subject."""
    try:
        taken = tuple(takes(subject))
    except DemoError as error:
        checked.front.error(("subject",), str(error))
        return None
    before = len(checked.front.problems)
    given = written_options(checked.settings.options)
    for key in checked.settings.options:
        name = key.replace("-", "_")
        if name in FOR_THE_COMMAND_LINE:
            checked.front.error(("options", key), FOR_THE_COMMAND_LINE[name], at_key=True)
        elif name not in taken:
            hint = did_you_mean(dashed(name), [dashed(one) for one in taken]) or "."
            text = f'{subject} takes no option "{key}"{hint} It takes {", ".join(map(dashed, taken)) or "none"}'
            checked.front.error(("options", key), text, at_key=True)
        elif wrong := _wrong_option(subject, tuple(pair for pair in given if pair[0] == name)):
            checked.front.error(("options", key), wrong)
    return None if len(checked.front.problems) > before else _faults(checked, subject, given)


def _wrong_option(subject: str, given: Given) -> str:
    try:
        options(subject, given)
    except UsageError as error:
        return str(error)
    return ""


def _faults(checked: Checked, subject: str, given: Given) -> tuple[str, ...] | None:
    """Make the subject, which starts nothing, and return the names of its faults."""
    try:
        made = load(subject, **options(subject, given))
        return tuple(driver.config.name for driver in made.faults)
    except DemoError as error:
        at_options = checked.settings.options and isinstance(error, UsageError)
        checked.front.error(("options",) if at_options else ("subject",), str(error), at_key=True)
    except Exception as error:  # noqa: BLE001 - code of another distribution: the rest is checked all the same
        log_unexpected(logger, f"making the subject {subject}", error)
        checked.front.error(("subject",), f"the subject {subject} cannot be made: {type(error).__name__}: {error}")
    return None
