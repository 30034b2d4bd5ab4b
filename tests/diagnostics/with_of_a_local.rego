# SPDX-License-Identifier: Apache-2.0
package t

p if {
	x := 1
	y := 2 with x as 3
	y == 2
}
