# SPDX-License-Identifier: Apache-2.0
# Documents and folders: what a user may see through views, and do with what is owned.
package gdrive

default allow := false

user := data.users[input.principal]

around := graph.reachable(data.parents, [input.resource])

owns_around if {
	some folder in user.ownedFolders
	folder in around
}

allow if {
	input.action == "Action::\"read\""
	data.public[input.resource]
}

allow if {
	input.action == "Action::\"read\""
	user.view in around
}

allow if {
	input.action in {"Action::\"read\"", "Action::\"write\"", "Action::\"share\"", "Action::\"changeOwner\""}
	input.resource in user.ownedDocuments
}

allow if {
	input.action in {"Action::\"read\"", "Action::\"write\"", "Action::\"share\""}
	owns_around
}

allow if {
	input.action == "Action::\"createDocument\""
	input.resource in user.ownedFolders
}
