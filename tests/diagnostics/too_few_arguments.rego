# SPDX-License-Identifier: Apache-2.0
package t

f(x, y) := x + y

p := f(1)
