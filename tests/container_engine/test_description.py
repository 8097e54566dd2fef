"""Images in words: no tag looks like the port of an address, so that a report need not mask it."""

import pytest

from demo.container_engine.container import Container, parse_container
from demo.container_engine.description import describe_images
from demo.views.redaction import masked


def container(image: str) -> Container:
    state = {"Status": "running"}
    return parse_container({"Id": "1", "Name": "/a", "State": state, "Config": {"Labels": None, "Image": image}})


@pytest.mark.parametrize(
    ("image", "words"),
    [
        ("postgres:16", "postgres 16"),
        ("rancher/mirrored-coreos-etcd:v3.5.12", "rancher/mirrored-coreos-etcd v3.5.12"),
        ("nginx", "nginx"),
        ("nginx:1.25@sha256:0123", "nginx 1.25"),
        ("registry.example/team/app", "registry.example/team/app"),
    ],
)
def test_an_image_is_its_name_and_its_tag(image: str, words: str) -> None:
    assert describe_images([container(image)]) == words == masked(words)


def test_a_registry_with_a_port_keeps_its_name() -> None:
    assert describe_images([container("localhost:5000/app")]) == "localhost:5000/app"


def test_each_image_is_told_once() -> None:
    assert describe_images(map(container, ("b:1", "a:2", "b:1", ""))) == "a 2, b 1"
