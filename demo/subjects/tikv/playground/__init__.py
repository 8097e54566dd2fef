"""A cluster that tiup runs on this machine: started, supervised and removed."""
