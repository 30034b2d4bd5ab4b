# SPDX-License-Identifier: Apache-2.0
# Repositories: five permissions, each with the lesser ones in it, held through teams and organizations, on the repository or its owner.
package github

default allow := false

order := ["Action::\"read\"", "Action::\"triage\"", "Action::\"write\"", "Action::\"maintain\"", "Action::\"admin\""]

enough := {action: array.slice(order, i, 5) | some i, action in order}

groups := graph.reachable(data.orgs, [input.principal])

repository := data.repos[input.resource]

allow if {
	some action in enough[input.action]
	repository[action] in groups
}

allow if {
	some action in enough[input.action]
	data.owners[repository.owner][action] in groups
}
