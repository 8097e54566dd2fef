"""The messages of PD and TiKV: what is committed is what protoc makes, and the numbers on the wire are theirs."""

import ast
from pathlib import Path

import pytest
from google.protobuf import descriptor_pb2
from google.protobuf.message import Message
from grpc_tools import protoc

import demo
from demo.subjects.tikv.proto import raw_pb2 as wire

ROOT = Path(demo.__file__).parent.parent
SOURCE = "demo/subjects/tikv/proto/raw.proto"


def committed() -> descriptor_pb2.FileDescriptorProto:
    return descriptor_pb2.FileDescriptorProto.FromString(wire.DESCRIPTOR.serialized_pb)


def test_what_is_committed_is_what_protoc_makes_of_the_source(tmp_path: Path) -> None:
    made = tmp_path / "made"
    assert protoc.main(["protoc", f"-I{ROOT}", f"--descriptor_set_out={made}", SOURCE]) == 0
    fresh = descriptor_pb2.FileDescriptorSet.FromString(made.read_bytes()).file[0]
    for message in fresh.message_type:
        for field in message.field:
            field.ClearField("json_name")
    assert committed() == fresh, f"run the command at the head of {SOURCE}"


def test_the_committed_types_name_the_same_messages_and_fields() -> None:
    tree = ast.parse((ROOT / SOURCE).with_name("raw_pb2.pyi").read_text())
    typed = {node.name: _slots(node) for node in tree.body if isinstance(node, ast.ClassDef)}
    assert typed == {message.name: [field.name for field in message.field] for message in committed().message_type}


def _slots(node: ast.ClassDef) -> list[str]:
    assigned = next(part for part in node.body if isinstance(part, ast.Assign))
    return list(ast.literal_eval(assigned.value))


@pytest.mark.parametrize(
    ("message", "encoded"),
    [
        # written by hand from the numbers in kvproto: (number << 3 | kind), then a varint or a length and its bytes
        (
            wire.GetRegionRequest(header=wire.RequestHeader(cluster_id=7), region_key=b"k"),
            bytes([0x0A, 2, 0x08, 7, 0x12, 1]) + b"k",
        ),
        (
            wire.RawPutRequest(context=wire.Context(region_id=2), key=b"k", value=b"v", cf="c"),
            bytes([0x0A, 2, 0x08, 2, 0x12, 1]) + b"k" + bytes([0x1A, 1]) + b"v" + bytes([0x22, 1]) + b"c",
        ),
        (
            wire.RawGetResponse(error="e", value=b"v", not_found=True),
            bytes([0x12, 1]) + b"e" + bytes([0x1A, 1]) + b"v" + bytes([0x20, 1]),
        ),
        (
            wire.RegionError(not_leader=wire.NotLeader(region_id=2, leader=wire.Peer(id=3, store_id=4))),
            bytes([0x12, 8, 0x08, 2, 0x12, 4, 0x08, 3, 0x10, 4]),
        ),
        (wire.RegionError(epoch_not_match=wire.Present()), bytes([0x2A, 0])),
        (wire.RegionError(server_is_busy=wire.Present()), bytes([0x32, 0])),
        (
            wire.Store(id=1, address="a", status_address="s"),
            bytes([0x08, 1, 0x12, 1]) + b"a" + bytes([0x3A, 1]) + b"s",
        ),
        (wire.GetMembersResponse(leader=wire.Member(client_urls=["u"])), bytes([0x1A, 3, 0x22, 1]) + b"u"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_the_bytes_on_the_wire_are_kvprotos(message: Message, encoded: bytes) -> None:
    assert message.SerializeToString(deterministic=True) == encoded
    assert type(message).FromString(encoded) == message


def test_a_field_that_we_do_not_know_is_skipped() -> None:
    later = wire.Peer(id=3).SerializeToString() + bytes([0x7A, 1]) + b"?"
    assert wire.Peer.FromString(later).id == 3
