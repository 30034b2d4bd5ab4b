# SPDX-License-Identifier: Apache-2.0
package t

p contains 1 if input.x
else := 2 if input.y
