# SPDX-License-Identifier: Apache-2.0
package t

allow {
	input.user == "ann"
}

other := 1
