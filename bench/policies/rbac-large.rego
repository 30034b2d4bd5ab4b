# SPDX-License-Identifier: Apache-2.0
package rbac

default allow := false

held := graph.reachable(data.role_parents, data.bindings[input.user])

allow if {
	some role in held
	some grant in data.role_grants[role]
	grant.action == input.action
	grant.type == input.resource.type
}
