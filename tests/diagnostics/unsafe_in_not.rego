# SPDX-License-Identifier: Apache-2.0
package t

p if not input.allowed[x]
