# SPDX-License-Identifier: Apache-2.0
# An order API behind workload certificates and tokens that are bound to them.
package zt

default allow := false

allow if {
	proven
	route.scope in split(input.token.scope, " ")
	entitled
	not refused
}

allow if {
	proven
	emergency
}

# What nothing lifts.
proven if {
	certificate
	token
	tenant
}

certificate if {
	some domain in data.trust_domains
	startswith(input.cert.spiffe_id, sprintf("spiffe://%s/", [domain]))
	input.cert.fingerprint == input.token.cnf["x5t#S256"]
	not input.cert.fingerprint in data.revoked_fingerprints
}

token if {
	input.token.iss in data.issuers
	input.token.nbf <= input.now
	input.now < input.token.exp
	for_us
}

for_us if input.token.aud == data.audience

for_us if data.audience in input.token.aud

tenant if {
	input.resource.tenant == input.token.tenant_id
	not data.tenants[input.resource.tenant].suspended
}

parts := split(trim(input.request.path, "/"), "/")

route := r if {
	some r in data.routes
	r.method == input.request.method
	count(r.segments) == count(parts)
	every i, segment in r.segments {
		fits(segment, parts[i])
	}
}

fits(segment, part) if segment == part

fits(segment, part) if {
	startswith(segment, "{")
	part != ""
}

entitled if {
	some role in input.token.roles
	route.action in data.role_grants[role]
}

entitled if {
	input.resource.owner == input.token.sub
	route.action in data.owner_actions
}

refused if {
	route.action in data.amount_limited
	input.resource.amount > max([most | some role in input.token.roles; most := data.amount_limits[role]])
}

refused if {
	route.action == "approve"
	input.resource.owner == input.token.sub
}

refused if {
	data.tenants[input.token.tenant_id].read_only
	not route.action in {"read", "list"}
}

emergency if {
	"incident-responder" in input.token.roles
	startswith(input.break_glass.ticket, "INC-")
	input.break_glass.approved_by != input.token.sub
	input.now < input.break_glass.until
}
