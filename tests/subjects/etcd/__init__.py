"""Tests of `demo.subjects.etcd`."""
