"""The front matter: everything of a show but its chapters."""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Discriminator, Field, Tag

from demo.showfile.schema.faults import FaultSettings
from demo.showfile.schema.probes import ProbeSettings
from demo.showfile.schema.system import (
    EventSettings,
    LoadSettings,
    PanelSettings,
    ProcessSettings,
    ProxySettings,
    SecretSettings,
    SystemSettings,
    ThemeSettings,
)
from demo.showfile.schema.values import Links, Name, Seconds, Settings, Text, TextOrList, by_shape

Theme = Annotated[
    Annotated[Literal["dark", "light", "contrast"], Tag("<text>")] | Annotated[ThemeSettings, Tag("<mapping>")],
    Discriminator(lambda value: "<mapping>" if by_shape(value) == "<mapping>" else "<text>"),
]


class FrontMatter(Settings):
    title: Text | None = None
    id: Text | None = None
    description: Text = ""
    duration: Seconds | None = None
    language: Text | None = None
    theme: Theme | None = None
    subject: Text | None = None
    options: Mapping[str, TextOrList] = Field(default_factory=dict)
    system: SystemSettings | None = None
    processes: Mapping[Name, ProcessSettings] = Field(default_factory=dict)
    proxies: Mapping[Name, ProxySettings] = Field(default_factory=dict)
    probes: Mapping[Name, ProbeSettings] = Field(default_factory=dict)
    groups: Mapping[Name, tuple[Text, ...]] = Field(default_factory=dict)
    links: Links = ()
    faults: Mapping[Name, FaultSettings] = Field(default_factory=dict)
    load: Mapping[Name, LoadSettings] = Field(default_factory=dict)
    panels: Mapping[Name, PanelSettings] = Field(default_factory=dict)
    events: Mapping[Name, EventSettings] = Field(default_factory=dict)
    secrets: Mapping[Name, SecretSettings] = Field(default_factory=dict)
