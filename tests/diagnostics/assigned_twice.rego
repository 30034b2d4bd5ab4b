# SPDX-License-Identifier: Apache-2.0
package t

p if {
	x := 1
	x := 2
}
