"""What PD and TiKV say on the wire: `raw.proto`, and what protoc made of it."""
