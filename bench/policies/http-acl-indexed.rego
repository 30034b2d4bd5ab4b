# SPDX-License-Identifier: Apache-2.0
# The rules of http-acl-linear by the first segment of their prefix.
package acl

default allow := false

first := split(input.path, "/")[1]

fits(rule) if {
	input.method in rule.methods
	startswith(input.path, rule.prefix)
	some group in input.groups
	group in rule.groups
}

denied if {
	some rule in data.deny_rules[first]
	fits(rule)
}

allow if {
	some rule in data.allow_rules[first]
	fits(rule)
	not denied
}
