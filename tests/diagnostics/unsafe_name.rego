# SPDX-License-Identifier: Apache-2.0
package t

p if {
	user := input.user
	usr.name == "ann"
}
