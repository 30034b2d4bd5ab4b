/* SPDX-License-Identifier: Apache-2.0
 * The syntax of SPIFFE IDs (SPIFFE-ID standard, section 2), in its one canonical form: nothing is normalised, what would need it is refused.
 */
#include "runtime/identity/spiffe.h"

#include <strings.h>

enum { ID_MAX = 2048, TRUST_DOMAIN_MAX = 255 };

static bool is_domain_byte(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '_';
}

static bool is_path_byte(uint8_t c)
{
    return is_domain_byte(c) || (c >= 'A' && c <= 'Z');
}

static bool check_path(pol_bytes path)
{
    for (size_t i = 0; i < path.n;) {
        size_t from = ++i; /* behind the '/' */
        while (i < path.n && path.at[i] != '/') {
            if (!is_path_byte(path.at[i++]))
                return false;
        }
        size_t n = i - from;
        if (n == 0 || (n == 1 && path.at[from] == '.') || (n == 2 && path.at[from] == '.' && path.at[from + 1] == '.'))
            return false;
    }
    return true;
}

bool pol_spiffe_parse(pol_bytes id, pol_bytes *trust_domain, pol_bytes *path)
{
    pol_bytes scheme = POL_BYTES("spiffe://");
    if (id.n > ID_MAX || !pol_bytes_starts(id, scheme))
        return false;
    pol_bytes rest = pol_bytes_of(id.at + scheme.n, id.n - scheme.n);
    size_t n = 0;
    while (n < rest.n && is_domain_byte(rest.at[n]))
        n++;
    *trust_domain = pol_bytes_of(rest.at, n);
    *path = pol_bytes_of(rest.at + n, rest.n - n);
    return n > 0 && n <= TRUST_DOMAIN_MAX && (path->n == 0 || path->at[0] == '/') && check_path(*path);
}

bool pol_spiffe_claimed(pol_bytes uri)
{
    return uri.n >= 7 && strncasecmp((const char *)uri.at, "spiffe:", 7) == 0;
}
