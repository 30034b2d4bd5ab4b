# SPDX-License-Identifier: Apache-2.0
# Admission of a pod: every finding counts, none means admitted.
package k8s

decision := {"allowed": count(findings) == 0, "deny": findings}

pod := input.request.object

all_containers contains c if some c in pod.spec.containers

all_containers contains c if some c in pod.spec.initContainers

exempt if pod.metadata.namespace in data.exempt_namespaces

findings contains "pod: hostNetwork" if {
	pod.spec.hostNetwork
	not exempt
}

findings contains sprintf("pod: no label %s", [label]) if {
	some label in data.required_labels
	not pod.metadata.labels[label]
}

findings contains sprintf("%s: registry of %s", [c.name, c.image]) if {
	some c in all_containers
	not from_ours(c.image)
}

findings contains sprintf("%s: tag latest", [c.name]) if {
	some c in all_containers
	endswith(c.image, ":latest")
}

findings contains sprintf("%s: %s", [c.name, cve.id]) if {
	some c in all_containers
	some cve in data.scans[c.image]
	cve.score >= 7.0
	not cve.id in data.accepted_cves
}

findings contains sprintf("%s: privileged", [c.name]) if {
	some c in all_containers
	c.securityContext.privileged
}

findings contains sprintf("%s: root", [c.name]) if {
	some c in all_containers
	not c.securityContext.runAsNonRoot
}

findings contains sprintf("%s: capability %s", [c.name, capability]) if {
	some c in all_containers
	some capability in c.securityContext.capabilities.add
	not capability in data.allowed_capabilities
}

findings contains sprintf("%s: memory %s", [c.name, c.resources.limits.memory]) if {
	some c in all_containers
	mebibytes(c.resources.limits.memory) > data.max_memory_mi
}

findings contains sprintf("%s: no %s limit", [c.name, kind]) if {
	some c in all_containers
	some kind in ["cpu", "memory"]
	not c.resources.limits[kind]
}

from_ours(image) if {
	some registry in data.allowed_registries
	startswith(image, registry)
}

mebibytes(text) := to_number(trim_suffix(text, "Mi")) if endswith(text, "Mi")

mebibytes(text) := to_number(trim_suffix(text, "Gi")) * 1024 if endswith(text, "Gi")
