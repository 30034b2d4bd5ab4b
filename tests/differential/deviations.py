# SPDX-License-Identifier: Apache-2.0
"""The differences from OPA that are meant, each with its reason in docs/conformance.md. All that is known of a difference is the cut-down program, so each is told by
the least that it takes."""
import re
from decimal import Decimal


TYPES = {"POL0300", "POL0301", "POL0302"}


def nearly(ours, theirs):
    """Whether the values differ by no more than OPA rounds whole numbers of more than 64 bits, which stay exact here."""
    if type(ours) is not type(theirs):
        return False
    if isinstance(ours, list):
        return len(ours) == len(theirs) and all(map(nearly, ours, theirs))
    if isinstance(ours, dict):
        return len(ours) == len(theirs) and all(nearly(k, j) and nearly(ours[k], theirs[j]) for k, j in zip(ours, theirs))
    if ours == theirs:
        return True
    if not re.fullmatch(r"-?\d{17,}", ours if isinstance(ours, str) else "") or not re.fullmatch(r"-?\d{17,}", theirs):
        return False
    return abs(int(ours) - int(theirs)) < abs(int(ours)) >> 50


def nearly_spelled(ours, theirs):
    """Whether the texts differ in one number alone, which theirs has without its last digit."""
    n = 0
    while n < len(ours) and n < len(theirs) and ours[n] == theirs[n]:
        n += 1
    return re.search(r"\.\d{18,}$", ours[:n]) is not None and ours[n:n + 1].isdigit() and re.match(r"(e-\d+)?[^\d]", theirs[n:]) and ours[n + 1:] == theirs[n:]


def spell(value):
    """A value whose numbers are all spelled in one way."""
    if isinstance(value, list):
        return [spell(v) for v in value]
    if isinstance(value, dict):
        return {k: spell(v) for k, v in value.items()}
    if type(value) is not str and isinstance(value, str) and re.fullmatch(r"-?\d+(\.\d+)?([eE][+-]?\d+)?", value):
        return str(Decimal(value).normalize())
    return value


def deviation(program, found):
    """The name of the listed deviation that this difference is, or None."""
    kind, ours, theirs = found[:3]
    text = "\n".join(program["modules"].values())
    if kind == "refused" and theirs == "accepted":
        codes = {d[0] for d in ours}
        if codes <= TYPES or (codes <= TYPES | {"POL0212"} and re.search(r"every |\|", text)):
            return "types in the body of every" if "every " in text else "types known better"
        if codes == {"POL0230"} and (" as " in text or all(re.search(r"`r\d+`", d[2]) for d in ours)):  # names of rules, which nothing else binds
            return "variables that nothing binds"
        if codes == {"POL0230"} and re.search(r"\} = |= \{", text):
            return "an object taken apart"
        if codes == {"POL0214"} and re.search(r"\btrue with ", text):
            return "a body of nothing but true"
        return None
    if kind == "refused":
        if {d[0] for d in theirs} == {"rego_type_error"}:
            return "types known less well"
        if {d[0] for d in theirs} == {"rego_unsafe_var_error"} and re.search(r"\} = \{", text):
            return "an object taken apart"
        if all(re.fullmatch(r"var \w+ is (undeclared|unsafe)", d[2]) for d in theirs) and "$" in text:
            return "rules in template strings"
        return None
    if kind != "result":
        return None
    if re.search(r"\bnot true\b|\btrue with ", text):
        return "a body of nothing but true"
    if "regex.globs_match(" in text:
        return "globs that share a word"
    if theirs.get("error") == "eval_internal_error" and "requires evaluation" in theirs["message"]:
        return "an internal error of OPA"
    if "regex." in text and "base64" in text:
        return "patterns over what is no text"
    if "value" in ours and "value" in theirs and spell(ours["value"]) == spell(theirs["value"]):
        return "one number, spelled in two ways"
    if "value" in ours and "value" in theirs and nearly(ours["value"], theirs["value"]):
        return "whole numbers that stay exact"
    if "net.cidr_merge(" in text:
        return "one address range merged"
    if "time.add_date(" in text:
        return "dates beyond what a date holds"
    if "glob.match(" in text and '["*"]' in text and "value" in ours and not theirs:
        return "globs with a star between parts"
    if "value" in ours and "value" in theirs and nearly_spelled(repr(ours["value"]), repr(theirs["value"])):
        return "the last digit of a power of two"
    if "yaml.marshal(" in text and ("\\u2028" in repr(theirs) or "\u2028" in text):
        return "a line separator in YAML"
    if re.search(r" with data\.[\w.]+ as ", text) and "value" in theirs:
        return "a function replaced by what is undefined"
    if "replace(" in text and "\ufffd" in repr(theirs):
        return "nothing replaced in text beyond ASCII"
    if re.search(r"\b(ceil|floor)\(", text):
        return "ceil and floor of what is between -1 and 0"
    if "value" in ours and "value" in theirs and re.sub(r"-0\b(?!\.)", "0", repr(theirs["value"])) == repr(ours["value"]):
        return "minus zero"
    if "-0" in repr(theirs) and "-0" not in repr(ours) and re.search(r"\bdiv\(| / | \* ", text):
        return "minus zero"
    if (ours.get("error") == "eval_conflict_error") != (theirs.get("error") == "eval_conflict_error"):
        return "conflict not reached"
    return None
