# SPDX-License-Identifier: Apache-2.0
package t

# METADATA
# title: [
p := 1
