"""The processes of one show, kept by a supervisor process that outlives a killed server and is adopted by the next."""
