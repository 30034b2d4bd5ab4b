# SPDX-License-Identifier: Apache-2.0
package t

p if {
	input.x == 1,
	input.y == 2
}
