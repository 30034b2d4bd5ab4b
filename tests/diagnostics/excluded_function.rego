# SPDX-License-Identifier: Apache-2.0
package t

p := http.send({"method": "GET", "url": "http://localhost"})
