# SPDX-License-Identifier: Apache-2.0
package t

p := 01
q := 1.2.3
