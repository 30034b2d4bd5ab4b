# SPDX-License-Identifier: Apache-2.0
package t

p if {
	input := {"a": 1}
	input.a
}
