# SPDX-License-Identifier: Apache-2.0
# Rules by method, path prefix and group in one list; one that denies wins.
package acl

default allow := false

fits(rule) if {
	input.method in rule.methods
	startswith(input.path, rule.prefix)
	some group in input.groups
	group in rule.groups
}

denied if {
	some rule in data.rules
	rule.effect == "deny"
	fits(rule)
}

allow if {
	some rule in data.rules
	rule.effect == "allow"
	fits(rule)
	not denied
}
