# SPDX-License-Identifier: Apache-2.0
package t

limit := 10

p if limit.max > 3
