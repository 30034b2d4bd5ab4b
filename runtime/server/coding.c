/* SPDX-License-Identifier: Apache-2.0
 * gzip by zlib. A body is inflated into a buffer that grows with what really comes out, never with what its trailer says. */
#include "runtime/server/coding.h"

#include <limits.h>
#include <zlib.h>

enum {
    GZIP_ONLY = 16 + MAX_WBITS, /* no zlib wrapper, no raw deflate */
    STEP = 65536,
    MEMORY_LEVEL = 8,
};

/* What inflates to one gzip member; more members than one are read one after another (RFC 1952, 2.2). */
POL_MUST_USE static bool inflate_all(z_stream *z, size_t max_bytes, pol_buf *out, pol_error *err)
{
    for (;;) {
        if (out->n > max_bytes)
            return pol_fail(err, POL_E_LIMIT, "request body too large: more than %zu bytes without its gzip", max_bytes);
        z->next_out = pol_buf_reserve(out, STEP);
        z->avail_out = STEP;
        int code = inflate(z, Z_NO_FLUSH);
        out->n += STEP - z->avail_out;
        if (code == Z_STREAM_END) {
            if (z->avail_in == 0)
                break;
            code = inflateReset(z);
        }
        if (code != Z_OK)
            return pol_fail(err, POL_E_USAGE, code == Z_BUF_ERROR ? "the body's gzip ends too early" : "the body is not gzip, as its Content-Encoding says");
    }
    return out->n <= max_bytes || pol_fail(err, POL_E_LIMIT, "request body too large: more than %zu bytes without its gzip", max_bytes);
}

bool pol_gunzip(pol_bytes in, size_t max_bytes, pol_buf *out, pol_error *err)
{
    z_stream z = {.next_in = (Bytef *)in.at, .avail_in = (uInt)in.n};
    pol_buf_clear(out);
    if (in.n > UINT_MAX)
        return pol_fail(err, POL_E_LIMIT, "request body too large");
    if (inflateInit2(&z, GZIP_ONLY) != Z_OK)
        return pol_fail(err, POL_E_MEMORY, "no memory to inflate the body");
    bool ok = inflate_all(&z, max_bytes, out, err);
    inflateEnd(&z);
    *pol_buf_reserve(out, 1) = 0;
    return ok;
}

bool pol_gzip(pol_bytes in, pol_buf *out)
{
    z_stream z = {.next_in = (Bytef *)in.at, .avail_in = (uInt)in.n};
    pol_buf_clear(out);
    if (in.n > UINT_MAX / 2 || deflateInit2(&z, Z_BEST_SPEED, Z_DEFLATED, GZIP_ONLY, MEMORY_LEVEL, Z_DEFAULT_STRATEGY) != Z_OK)
        return false;
    uLong most = deflateBound(&z, (uLong)in.n);
    z.next_out = pol_buf_reserve(out, most);
    z.avail_out = (uInt)most;
    bool ok = deflate(&z, Z_FINISH) == Z_STREAM_END;
    out->n = most - z.avail_out;
    deflateEnd(&z);
    return ok;
}
