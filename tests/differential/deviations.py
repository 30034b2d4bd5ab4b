# SPDX-License-Identifier: Apache-2.0
"""The differences from OPA that are meant, each with its reason in docs/conformance.md. All that is known of a difference is the cut-down program, so each is told by
the least that it takes."""
import re


def deviation(program, found):
    """The name of the listed deviation that this difference is, or None."""
    kind, ours, theirs = found[:3]
    text = "\n".join(program["modules"].values())
    if kind == "refused" and theirs == "accepted":
        if {d[0] for d in ours} <= {"POL0300", "POL0301", "POL0302"}:
            return "types in the body of every" if "every " in text else "types known better"
        return None
    if kind == "refused":
        if {d[0] for d in theirs} == {"rego_type_error"}:
            return "types known less well"
        if {d[0] for d in theirs} == {"rego_unsafe_var_error"} and re.search(r"\} = \{[^}]*: [^|]*\|", text):
            return "an object taken apart"
        return None
    if kind != "result":
        return None
    if re.search(r"\b(ceil|floor)\(-", text):
        return "ceil and floor of what is between -1 and 0"
    if "value" in ours and "value" in theirs and repr(theirs["value"]).replace("-0,", "0,").replace("-0]", "0]") == repr(ours["value"]):
        return "minus zero"
    if (ours.get("error") == "eval_conflict_error") != (theirs.get("error") == "eval_conflict_error"):
        return "conflict not reached"
    return None
