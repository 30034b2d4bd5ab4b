# SPDX-License-Identifier: Apache-2.0
package t

p := starts_with("abc", "a")
