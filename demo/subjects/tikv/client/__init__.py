"""A client of TiKV's raw API over gRPC: requests to PD, a cache of regions, reads and writes."""
