# SPDX-License-Identifier: Apache-2.0
"""The differences from OPA that are meant, each with its reason in docs/conformance.md."""


def deviation(program, found):
    """The name of the listed deviation that this difference is, or None."""
    return None
