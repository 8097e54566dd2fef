"""A client of TiKV's raw API over gRPC: PD's answers, a cache of regions, reads and writes."""
