# SPDX-License-Identifier: Apache-2.0
package t

p if {
	some x in [1]
	x := 2
	x == 2
}
