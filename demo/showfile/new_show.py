"""A show to begin with: a commented file that runs at once, with a web server of Python's as its system."""

from pathlib import Path

from demo.errors import DemoError, UsageError
from demo.processes.ports import free_ports

TEMPLATE = Path(__file__).with_name("new_show.md")
DEFAULT_NAME = "my-show"


def write_new_show(name: str, original: Path | None = None) -> Path:
    """Write `name.md` and return its path; a `.md` may be given. `original`: the show file to copy instead.

    Raises `UsageError` if there is such a file already or no such folder, `DemoError` if it cannot be written.
    """
    path = Path(name)
    if path.suffix != ".md":
        path = path.with_name(path.name + ".md") if path.name else path
    if not path.name or path.is_dir():
        raise UsageError(f"{name!r} names no file: write demo new NAME, like demo new {DEFAULT_NAME}")
    if not path.parent.is_dir():
        raise UsageError(f"there is no folder {path.parent}: make it first")
    text = new_show(path) if original is None else original.read_text("utf-8")
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise UsageError(f"{path} exists already, and is left as it is: choose another name") from None
    except OSError as error:
        raise DemoError(f"{path} cannot be written: {error.strerror}") from error
    return path


def new_show(path: Path) -> str:
    """Return the text of a new show file, with a port that is free now."""
    title = " ".join(path.stem.replace("-", " ").replace("_", " ").split()) or "My show"
    values = {"FILE": _quoted(path), "TITLE": title[0].upper() + title[1:], "PORT": str(free_ports(1)[0])}
    text = TEMPLATE.read_text("utf-8")
    for key, value in values.items():
        text = text.replace(f"@{key}@", value)
    return text


def _quoted(path: Path) -> str:
    return f"'{path}'" if " " in str(path) else str(path)
