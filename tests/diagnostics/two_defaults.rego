# SPDX-License-Identifier: Apache-2.0
package t

default p := 1

default p := 2
