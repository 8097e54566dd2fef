"""The system of a show: what is started, in which order, and how its parts are connected."""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from demo.showfile.schema.values import (
    Argv,
    Condition,
    FilePath,
    Headers,
    Port,
    ProcessName,
    Rate,
    Seconds,
    Settings,
    Switch,
    Text,
    Whole,
)


class SystemSettings(Settings):
    """Containers: a compose file that the show brings up and removes, or a project that is left as it was found."""

    compose: FilePath | None = None
    project: Text | None = None
    attach: Text | None = None

    @model_validator(mode="after")
    def _check_one(self) -> "SystemSettings":
        if (self.compose is None) == (self.attach is None):
            raise PydanticCustomError("system", "a system has either compose (a file) or attach (a project)", {})
        return self


class ProcessSettings(Settings):
    """One process of the show's own. They are started in the order of the file; each is ready before the next."""

    run: Argv
    cwd: FilePath | None = None
    env: Mapping[str, Text] = Field(default_factory=dict)
    port: Port | None = None
    ready: Condition | None = None
    ready_timeout: Seconds = 30.0
    stop_timeout: Seconds = 5.0
    user: Text | None = None


class ProxySettings(Settings):
    """A TCP proxy of ours: faults of a connection happen in it. Addresses are `host:port`."""

    listen: Text
    to: Text


class LoadSettings(Settings):
    """Requests at a steady rate of arrivals: a dead system does not slow them down."""

    http: Text | None = None
    postgres: Text | None = None
    redis: Text | None = None
    method: Literal["POST", "PUT", "PATCH"] | None = None
    headers: Headers = Field(default_factory=dict)
    body: Text | None = None
    read: Text | None = None
    rate: Rate
    timeout: Seconds = 1.0
    book: Switch = False
    start: Switch = True
    """Whether it runs from the start of the show; a step `load` starts it otherwise."""

    @model_validator(mode="after")
    def _check_one(self) -> "LoadSettings":
        if sum(given is not None for given in (self.http, self.postgres, self.redis)) != 1:
            raise PydanticCustomError("load", "a load has exactly one of http, postgres and redis", {})
        if self.book and self.http is not None and self.read is None:
            raise PydanticCustomError("book", "a book over http needs read: the URL that returns what was written", {})
        return self


Lines = Annotated[Whole, Field(ge=1, le=60)]


class PanelSettings(Settings):
    """Output beside the story: of a command, of a container's log, or of a process."""

    run: Argv | None = None
    log: Text | None = None
    process: ProcessName | None = None
    title: Text | None = None
    match: Text | None = None
    lines: Lines = 20
    every: Seconds | None = None


class EventSettings(Settings):
    """Lines of a program's output, of a container's log or of a process that become marks on the time axis."""

    run: Argv | None = None
    log: Text | None = None
    process: ProcessName | None = None
    match: Text
    text: Text | None = None


class SecretSettings(Settings):
    env: Text


class ThemeSettings(Settings):
    base: Literal["dark", "light", "contrast"] = "dark"
    accent: Text | None = None
    font: Text | None = None
    logo: FilePath | None = None
