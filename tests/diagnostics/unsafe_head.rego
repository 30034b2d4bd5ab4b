# SPDX-License-Identifier: Apache-2.0
package t

p contains x if input.y
