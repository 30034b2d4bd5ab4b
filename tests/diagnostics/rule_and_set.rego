# SPDX-License-Identifier: Apache-2.0
package t

p := 1

p contains 2
