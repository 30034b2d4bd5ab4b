# SPDX-License-Identifier: Apache-2.0
package t

p := "abc

q := 1
