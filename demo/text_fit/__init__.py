"""How large the stage's texts are and whether they fit, computed without a browser from the widths of its letters.

The sheets of the stage are the truth; `tests/browser/test_text_fit.py` compares what is computed here with Chromium.
"""
