"""The address and the headers with which the processes of a subject talk to each other."""

HOST = "127.0.0.1"
NONCE_HEADER = "X-Show-Nonce"
ASK_HEADER = "X-Show-Ask"
ANSWER_HEADER = "X-Show-Answer"
