# SPDX-License-Identifier: Apache-2.0
package t

p if {
	x := "a"
	x == 1
}
