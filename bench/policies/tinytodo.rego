# SPDX-License-Identifier: Apache-2.0
# Task lists: anybody makes one, the owner does anything, teams read or edit.
package tinytodo

default allow := false

list := data.lists[input.resource]

teams := graph.reachable(data.groups, [input.principal])

edits if list.editors in teams

reads if list.readers in teams

reads if edits

allow if {
	input.action in {"Action::\"CreateList\"", "Action::\"GetLists\""}
	input.resource == "Application::\"TinyTodo\""
}

allow if input.principal == list.owner

allow if {
	input.action == "Action::\"GetList\""
	reads
}

allow if {
	input.action in {"Action::\"UpdateList\"", "Action::\"CreateTask\"", "Action::\"UpdateTask\"", "Action::\"DeleteTask\""}
	edits
}
