"""Three etcd members in containers: the leader is killed, another is elected, and no confirmed write may be lost."""
