# SPDX-License-Identifier: Apache-2.0
package t

p := upper("a", "b")
