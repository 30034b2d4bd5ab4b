/* SPDX-License-Identifier: Apache-2.0
 * The lexer of HTTP heads. A line is lexed when it is whole: its end is found first, no rule matches past an LF, and an LF is no
 * part of any class; so a rule that fails has failed for good, and the input needs no sentinel.
 */
#include "runtime/server/http.h"

#include <strings.h>

/*!re2c
    re2c:yyfill:enable = 0;
    re2c:flags:tags = 1;
    re2c:define:YYCTYPE = "uint8_t";
    re2c:define:YYCURSOR = at;
    re2c:define:YYMARKER = marker;

    crlf = "\r\n";
    digit = [0-9];
    token = [!#$%&'*+.^_`|~0-9A-Za-z-]+;
    escape = "%" [0-9A-Fa-f]{2};
    pchar = [A-Za-z0-9._~!$&'()*+,;=:@-] | escape;
    path = "/" (pchar | "/")*;
    query = (pchar | [/?])*;
    authority = ([A-Za-z0-9._~!$&'()*+,;=-] | escape)+ (":" digit{0,5})? | "[" [0-9A-Fa-f:.]+ "]" (":" digit{0,5})?;
*/

static bool refuse(pol_http_head *head, int status, const char *why)
{
    head->status = status;
    head->why = why;
    return false;
}

static pol_bytes between(const uint8_t *from, const uint8_t *to)
{
    return (pol_bytes){from, from ? (size_t)(to - from) : 0};
}

POL_MUST_USE static bool read_request_line(const uint8_t *at, pol_http_head *head)
{
    const uint8_t *marker, *start = at;
    const uint8_t *m, *h0, *h1, *p0, *p1, *q0, *q1, *v;
    /*!stags:re2c format = "const uint8_t *@@ = NULL;\n"; */
    /*!re2c
        token @m " " ('http' 's'? "://" @h0 authority @h1)? @p0 path @p1 ("?" @q0 query @q1)? " HTTP/1." @v digit crlf {
            goto whole;
        }
        token @m " " 'http' 's'? "://" @h0 authority @h1 @p0 @p1 ("?" @q0 query @q1)? " HTTP/1." @v digit crlf {
            goto whole;
        }
        token " " [\x21-\x7e\x80-\xff]+ " HTTP/1." digit crlf {
            return refuse(head, 400, "the request target is not a path, or has characters that must be percent-encoded");
        }
        token " " [\x21-\x7e\x80-\xff]+ " HTTP/" digit "." digit crlf {
            return refuse(head, 505, "only HTTP/1.1 and HTTP/1.0 are spoken here");
        }
        * {
            return refuse(head, 400, "the request line is malformed: wanted METHOD, blank, target, blank, HTTP/1.1, CR LF");
        }
    */
whole:
    head->method = between(start, m);
    head->path = p0 == p1 ? POL_BYTES("/") : between(p0, p1);
    head->host = between(h0, h1);
    head->has_query = q0 != NULL;
    head->query = between(q0, q1);
    head->http_1_0 = *v == '0';
    head->keep_alive = !head->http_1_0;
    if (head->path.n + head->query.n > POL_HTTP_TARGET_MAX)
        return refuse(head, 414, "the request target is too long");
    return true;
}

typedef enum {
    NAME_OTHER,
    NAME_HOST,
    NAME_CONTENT_LENGTH,
    NAME_TRANSFER_ENCODING,
    NAME_CONNECTION,
    NAME_EXPECT,
    NAME_CONTENT_TYPE,
    NAME_CONTENT_ENCODING,
    NAME_ACCEPT,
    NAME_REQUEST_ID,
} header_name;

/* at is a header's name, checked and followed by a colon. */
static header_name classify_name(const uint8_t *at)
{
    const uint8_t *marker;
    /*!re2c
        'host:' { return NAME_HOST; }
        'content-length:' { return NAME_CONTENT_LENGTH; }
        'transfer-encoding:' { return NAME_TRANSFER_ENCODING; }
        'connection:' { return NAME_CONNECTION; }
        'expect:' { return NAME_EXPECT; }
        'content-type:' { return NAME_CONTENT_TYPE; }
        'content-encoding:' { return NAME_CONTENT_ENCODING; }
        'accept:' { return NAME_ACCEPT; }
        'x-request-id:' { return NAME_REQUEST_ID; }
        * { return NAME_OTHER; }
    */
}

/* A Host value, its line end behind it. */
static bool is_authority(const uint8_t *at)
{
    const uint8_t *marker;
    /*!re2c
        authority [ \t]* crlf { return true; }
        crlf { return true; }
        * { return false; }
    */
}

POL_MUST_USE static bool read_length(pol_http_head *head, pol_bytes value)
{
    if (value.n == 0 || value.n > 18)
        return refuse(head, 400, "Content-Length is not a number of bytes");
    uint64_t n = 0;
    for (size_t i = 0; i < value.n; i++) {
        if (value.at[i] < '0' || value.at[i] > '9')
            return refuse(head, 400, "Content-Length is not a number of bytes");
        n = 10 * n + (value.at[i] - '0');
    }
    head->body_bytes = n;
    return true;
}

static bool equals_any_case(pol_bytes a, const char *text)
{
    return a.n == strlen(text) && strncasecmp((const char *)a.at, text, a.n) == 0;
}

static pol_bytes trim(pol_bytes s)
{
    while (s.n && (s.at[0] == ' ' || s.at[0] == '\t')) {
        s.at++;
        s.n--;
    }
    while (s.n && (s.at[s.n - 1] == ' ' || s.at[s.n - 1] == '\t'))
        s.n--;
    return s;
}

/* The next element of a list, without blanks around it; false at the end. */
static bool next_element(pol_bytes *rest, uint8_t separator, pol_bytes *element)
{
    if (!rest->at)
        return false;
    const uint8_t *end = rest->n ? memchr(rest->at, separator, rest->n) : NULL;
    if (end) {
        *element = trim(between(rest->at, end));
        *rest = between(end + 1, rest->at + rest->n);
    } else {
        *element = trim(*rest);
        *rest = (pol_bytes){0};
    }
    return true;
}

static void read_connection(pol_http_head *head, pol_bytes value, bool *close)
{
    pol_bytes element;
    while (next_element(&value, ',', &element)) {
        if (equals_any_case(element, "close"))
            *close = true;
        else if (equals_any_case(element, "keep-alive"))
            head->keep_alive = true;
    }
}

typedef struct {
    bool host, length, coding, chunked, type, encoding, close;
} seen_headers;

/* Host, Content-Length and Content-Type twice: two readers may each believe another one, so even equal ones are refused. */
POL_MUST_USE static bool once(pol_http_head *head, bool *seen, const char *why)
{
    if (*seen)
        return refuse(head, 400, why);
    *seen = true;
    return true;
}

POL_MUST_USE static bool note_header(pol_http_head *head, seen_headers *seen, const uint8_t *line, pol_bytes value)
{
    switch (classify_name(line)) {
    case NAME_HOST:
        POL_TRY(once(head, &seen->host, "more than one Host header"));
        if (!is_authority(value.at))
            return refuse(head, 400, "the Host header is not a host with an optional port");
        if (!head->host.n)
            head->host = value;
        return true;
    case NAME_CONTENT_LENGTH:
        POL_TRY(once(head, &seen->length, "more than one Content-Length header"));
        return read_length(head, value);
    case NAME_TRANSFER_ENCODING:
        seen->chunked = !seen->coding && equals_any_case(value, "chunked");
        seen->coding = true;
        return true;
    case NAME_CONNECTION:
        read_connection(head, value, &seen->close);
        return true;
    case NAME_EXPECT:
        if (!equals_any_case(value, "100-continue"))
            return refuse(head, 417, "only the expectation 100-continue is known");
        head->expects_continue = true;
        return true;
    case NAME_CONTENT_TYPE:
        POL_TRY(once(head, &seen->type, "more than one Content-Type header"));
        head->content_type = value;
        return true;
    case NAME_CONTENT_ENCODING:
        POL_TRY(once(head, &seen->encoding, "more than one Content-Encoding header"));
        head->content_encoding = value;
        return true;
    case NAME_ACCEPT:
        /* of several lines the first decides: it only chooses the form of an error */
        if (!head->has_accept)
            head->accept = value;
        head->has_accept = true;
        return true;
    case NAME_REQUEST_ID:
        if (!head->has_request_id)
            head->request_id = value;
        head->has_request_id = true;
        return true;
    case NAME_OTHER:
        break;
    }
    return true;
}

POL_MUST_USE static bool read_header(const uint8_t *at, pol_http_head *head, seen_headers *seen)
{
    const uint8_t *marker, *start = at;
    /*!re2c
        token ":" [\t\x20-\x7e\x80-\xff]* crlf {
            goto whole;
        }
        [ \t] {
            return refuse(head, 400, "a header line begins with a blank: folded lines are not allowed");
        }
        token [ \t]+ ":" {
            return refuse(head, 400, "a blank stands between a header's name and its colon");
        }
        * {
            return refuse(head, 400, "a header line is malformed: wanted NAME: VALUE, CR LF, and no control characters");
        }
    */
whole:
    if (head->n_headers == POL_HTTP_HEADERS_MAX)
        return refuse(head, 431, "too many header lines");
    pol_http_header *header = &head->headers[head->n_headers++];
    const uint8_t *colon = memchr(start, ':', (size_t)(at - start));
    header->name = between(start, colon);
    /* an empty value's address stands before the line's end too, as is_authority needs it */
    header->value = trim(between(colon + 1, at - 2));
    return note_header(head, seen, start, header->value);
}

POL_MUST_USE static bool check_framing(pol_http_head *head, const seen_headers *seen)
{
    if (seen->coding && seen->length)
        return refuse(head, 400, "both Transfer-Encoding and Content-Length");
    if (seen->coding && head->http_1_0)
        return refuse(head, 400, "Transfer-Encoding in HTTP/1.0");
    if (seen->chunked)
        return refuse(head, 411, "chunked bodies are not taken: send Content-Length");
    if (seen->coding)
        return refuse(head, 501, "this transfer coding is not known: send Content-Length");
    if (!seen->host && !head->http_1_0)
        return refuse(head, 400, "the Host header is missing");
    if (seen->close)
        head->keep_alive = false;
    if (head->http_1_0)
        head->expects_continue = false;
    return true;
}

static pol_http_outcome want_more(pol_bytes text, size_t max_head_bytes, bool in_request_line, pol_http_head *head)
{
    if (text.n < max_head_bytes)
        return POL_HTTP_MORE;
    (void)(in_request_line ? refuse(head, 414, "the request line is too long")
                           : refuse(head, 431, "the header lines are too long together"));
    return POL_HTTP_REFUSED;
}

pol_http_outcome pol_http_read(pol_bytes text, size_t max_head_bytes, pol_http_head *head)
{
    seen_headers seen = {0};
    size_t at = 0;
    bool in_request_line = true;
    head->host = head->content_type = head->content_encoding = head->accept = head->request_id = (pol_bytes){0};
    head->has_accept = head->has_request_id = head->expects_continue = false;
    head->body_bytes = 0;
    head->n_headers = 0;
    head->status = 0;
    /* RFC 9112, 2.2: one empty line before the request line is passed over. */
    if (text.n >= 2 && memcmp(text.at, "\r\n", 2) == 0)
        at = 2;
    for (;;) {
        const uint8_t *line = text.at + at;
        const uint8_t *end = at < text.n ? memchr(line, '\n', text.n - at) : NULL;
        if (!end)
            return want_more(text, max_head_bytes, in_request_line, head);
        at = (size_t)(end + 1 - text.at);
        if (at > max_head_bytes)
            return want_more(text, max_head_bytes, in_request_line, head);
        if (in_request_line) {
            if (!read_request_line(line, head))
                return POL_HTTP_REFUSED;
            in_request_line = false;
        } else if (end - line == 1 && line[0] == '\r') {
            head->head_bytes = at;
            return check_framing(head, &seen) ? POL_HTTP_COMPLETE : POL_HTTP_REFUSED;
        } else if (!read_header(line, head, &seen)) {
            return POL_HTTP_REFUSED;
        }
    }
}

pol_bytes pol_http_header_get(const pol_http_head *head, const char *name)
{
    for (unsigned i = 0; i < head->n_headers; i++)
        if (equals_any_case(head->headers[i].name, name))
            return head->headers[i].value;
    return (pol_bytes){0};
}

pol_bytes pol_http_header_once(const pol_http_head *head, const char *name)
{
    pol_bytes found = {0};
    unsigned n = 0;
    for (unsigned i = 0; i < head->n_headers; i++) {
        if (!equals_any_case(head->headers[i].name, name))
            continue;
        found = head->headers[i].value;
        n++;
    }
    return n == 1 ? found : (pol_bytes){0};
}

bool pol_http_unescape(uint8_t *out, size_t *n_out, pol_bytes in, bool plus)
{
    size_t n = 0;
    for (size_t i = 0; i < in.n; i++) {
        uint8_t byte = in.at[i];
        if (byte == '%') {
            if (in.n - i < 3 || !pol_hex_decode(&byte, pol_bytes_of(in.at + i + 1, 2)))
                return false;
            i += 2;
        } else if (plus && byte == '+') {
            byte = ' ';
        }
        out[n++] = byte;
    }
    *n_out = n;
    return true;
}

bool pol_http_parameter(pol_bytes query, const char *name, pol_bytes *value)
{
    size_t n_name = strlen(name);
    pol_bytes element;
    while (next_element(&query, '&', &element)) {
        const uint8_t *equals = element.n ? memchr(element.at, '=', element.n) : NULL;
        size_t n = equals ? (size_t)(equals - element.at) : element.n;
        if (n != n_name || memcmp(element.at, name, n) != 0)
            continue;
        *value = equals ? between(equals + 1, element.at + element.n) : POL_BYTES("");
        return true;
    }
    return false;
}

bool pol_http_media_type_is(pol_bytes value, const char *type)
{
    pol_bytes element;
    return next_element(&value, ';', &element) && equals_any_case(element, type);
}

bool pol_http_accepts(pol_bytes accept, const char *type)
{
    pol_bytes element, part;
    while (next_element(&accept, ',', &element)) {
        if (!next_element(&element, ';', &part) || !equals_any_case(part, type))
            continue;
        bool refused = false;
        while (next_element(&element, ';', &part))
            refused |= equals_any_case(part, "q=0") || equals_any_case(part, "q=0.0") || equals_any_case(part, "q=0.00") ||
                       equals_any_case(part, "q=0.000");
        if (!refused)
            return true;
    }
    return false;
}

const char *pol_http_reason(int status)
{
    switch (status) {
    case 200: return "OK";
    case 301: return "Moved Permanently";
    case 400: return "Bad Request";
    case 401: return "Unauthorized";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 408: return "Request Timeout";
    case 411: return "Length Required";
    case 413: return "Content Too Large";
    case 414: return "URI Too Long";
    case 415: return "Unsupported Media Type";
    case 417: return "Expectation Failed";
    case 431: return "Request Header Fields Too Large";
    case 500: return "Internal Server Error";
    case 501: return "Not Implemented";
    case 503: return "Service Unavailable";
    case 505: return "HTTP Version Not Supported";
    default: return "Unknown";
    }
}
