# SPDX-License-Identifier: Apache-2.0
package t

f(x) := x

p := f
