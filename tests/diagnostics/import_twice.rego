# SPDX-License-Identifier: Apache-2.0
package t

import data.a.x
import data.b.x

p := x
