"""The votes of the audience: counting, storing, the ballot box."""
