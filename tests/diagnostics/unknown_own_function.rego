# SPDX-License-Identifier: Apache-2.0
package t

is_owner(u) if u == input.owner

p if is_ownr(input.user)
