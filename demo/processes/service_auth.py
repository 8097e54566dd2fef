"""What the processes of a subject agree on to talk to each other."""

HOST = "127.0.0.1"
NONCE_HEADER = "X-Show-Nonce"
ASK_HEADER = "X-Show-Ask"
ANSWER_HEADER = "X-Show-Answer"
