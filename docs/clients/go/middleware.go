// SPDX-License-Identifier: Apache-2.0

package polward

import (
	"net/http"
	"strings"
)

// Middleware lets through to next what pold permits by the bundle's routes. A deny is 403, or 401 with a challenge where the decision has one
// for a token; without a decision it is 503.
func (c *Client) Middleware(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		headers := map[string]string{}
		for name, values := range r.Header {
			headers[strings.ToLower(name)] = strings.Join(values, ", ")
		}
		scheme, cert := "http", ""
		if r.TLS != nil {
			scheme, cert = "https", CertPEM(r.TLS.PeerCertificates)
		}
		d, err := c.Evaluate(r.Context(), Evaluation{Cert: cert, Request: &HTTPRequest{
			Method: r.Method, Path: r.URL.EscapedPath(), Query: r.URL.RawQuery, Host: r.Host, Scheme: scheme, Headers: headers,
		}})
		if err != nil {
			http.Error(w, "no decision", http.StatusServiceUnavailable)
			return
		}
		if d.Allow {
			next.ServeHTTP(w, r)
			return
		}
		status := http.StatusForbidden
		if challenge, ok := d.Context["www_authenticate"].(string); ok {
			w.Header().Set("WWW-Authenticate", challenge)
			if !strings.Contains(challenge, "insufficient_scope") {
				status = http.StatusUnauthorized
			}
		}
		http.Error(w, "denied", status)
	})
}
