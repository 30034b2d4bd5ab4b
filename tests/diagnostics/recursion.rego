# SPDX-License-Identifier: Apache-2.0
package t

p if q

q if r

r if p
