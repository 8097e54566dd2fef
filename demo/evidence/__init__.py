"""What is made of a show before and after it: rehearsals, replays and reports. Nothing here runs during a show."""
