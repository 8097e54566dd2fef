"""The protobuf messages of PD and TiKV: `raw.proto`, and the modules that protoc generated from it."""
