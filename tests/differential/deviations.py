# SPDX-License-Identifier: Apache-2.0
"""The differences from OPA that are meant, each with its reason in docs/conformance.md. All that is known of a difference is the cut-down program, so each is told by
the least that it takes."""
import re


def unescaped(value):
    if isinstance(value, dict):
        return {re.sub(r"\\u003([ce])|\\u0026", lambda m: {"c": "<", "e": ">", None: "&"}[m[1]], k): unescaped(v) for k, v in value.items()}
    return [unescaped(v) for v in value] if isinstance(value, list) else value


def deviation(program, found):
    """The name of the listed deviation that this difference is, or None."""
    kind, ours, theirs = found[:3]
    text = "\n".join(program["modules"].values())
    if kind == "refused" and theirs == "accepted":
        codes = {d[0] for d in ours}
        if codes <= {"POL0300", "POL0301", "POL0302"} and "every " in text:
            return "types in the body of every"
        return None
    if kind != "result":
        return None
    if "value" in ours and "value" in theirs and unescaped(ours["value"]) == unescaped(theirs["value"]):
        return "text of keys"
    if (ours.get("error") == "eval_conflict_error") != (theirs.get("error") == "eval_conflict_error"):
        return "conflict not reached"
    return None
