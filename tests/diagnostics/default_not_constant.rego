# SPDX-License-Identifier: Apache-2.0
package t

default allow := input.x
