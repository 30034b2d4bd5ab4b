# SPDX-License-Identifier: Apache-2.0
package t

p if !input.x
