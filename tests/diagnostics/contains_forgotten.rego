# SPDX-License-Identifier: Apache-2.0
package t

names[x] {
	some x in input.names
}
