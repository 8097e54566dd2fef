"""All checks of a show file, in the order of the front matter; what they find is sorted later."""

from demo.showfile.checks.appearance import check_appearance
from demo.showfile.checks.chapters import check_chapters
from demo.showfile.checks.conditions import check_conditions
from demo.showfile.checks.faults import check_faults
from demo.showfile.checks.known_names import check_declarations, known_names
from demo.showfile.checks.outputs import check_outputs
from demo.showfile.checks.places import Checked
from demo.showfile.checks.probes import check_probes
from demo.showfile.checks.secrets import check_secrets
from demo.showfile.checks.subject import check_subject
from demo.showfile.checks.system import check_system
from demo.showfile.checks.votes import check_votes


def check_all(checked: Checked) -> None:
    """Put all problems of names and of rules among the show's problems."""
    names = known_names(checked, check_subject(checked))
    check_declarations(checked, names)
    check_appearance(checked)
    check_system(checked, names)
    check_outputs(checked, names)
    check_probes(checked, names)
    check_faults(checked, names)
    check_chapters(checked, names)
    check_votes(checked)
    check_secrets(checked, names)
    check_conditions(checked, names)
