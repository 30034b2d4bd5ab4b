/* SPDX-License-Identifier: Apache-2.0
 * Any bytes as the head of a request. What is accepted is framed unambiguously: reading any beginning of it asks for more, and
 * its parts, joined again, are read as the same request.
 */
#include "runtime/server/http.h"
#include "runtime/server/trace_context.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { HEAD_MAX = 16384 };

static bool within(pol_bytes part, pol_bytes whole)
{
    return part.n == 0 || (part.at >= whole.at && part.at + part.n <= whole.at + whole.n);
}

static void check_accepted(pol_bytes text, const pol_http_head *head)
{
    pol_bytes parts[] = {head->method, head->path, head->query, head->content_type, head->content_encoding, head->accept, head->request_id};
    pol_http_head again;
    if (head->head_bytes > text.n || head->head_bytes > HEAD_MAX || head->method.n == 0 || head->path.n == 0 || head->path.at[0] != '/')
        abort();
    for (unsigned i = 0; i < sizeof parts / sizeof *parts; i++)
        if (i != 1 && !within(parts[i], text))
            abort();
    for (unsigned i = 0; i < head->n_headers; i++)
        if (!within(head->headers[i].name, text) || !within(head->headers[i].value, text))
            abort();
    if (pol_http_read(pol_bytes_of(text.at, head->head_bytes - 1), HEAD_MAX, &again) != POL_HTTP_MORE)
        abort();
    if (pol_http_read(pol_bytes_of(text.at, head->head_bytes), HEAD_MAX, &again) != POL_HTTP_COMPLETE ||
        again.body_bytes != head->body_bytes || again.keep_alive != head->keep_alive)
        abort();
}

static void check_texts(const pol_http_head *head)
{
    pol_bytes value;
    uint8_t *out = malloc(head->query.n + head->path.n + 1);
    size_t n;
    if (!out)
        abort();
    if (pol_http_parameter(head->query, "input", &value) && (!within(value, head->query) || (pol_http_unescape(out, &n, value, true) && n > value.n)))
        abort();
    if (!pol_http_unescape(out, &n, head->path, false) || n > head->path.n)
        abort();
    (void)pol_http_accepts(head->accept, "text/plain");
    (void)pol_http_media_type_is(head->content_type, "application/json");
    free(out);
}

/* What is taken of the caller's trace is as it stands in the specification, and within the text. */
static void check_trace(pol_bytes text, const pol_http_head *head)
{
    pol_trace_context c = pol_trace_context_read(head);
    uint8_t any = 0;
    for (unsigned i = 0; i < POL_TRACE_ID; i++)
        any |= c.trace_id[i];
    if (c.has_parent != (any != 0) || c.flags > 3 || (c.state.n && (!c.has_parent || !within(c.state, text))))
        abort();
    for (unsigned i = 0; i < head->n_headers; i++) {
        pol_bytes value = head->headers[i].value;
        uint8_t *out = malloc(value.n + 1);
        size_t n;
        if (!out || (pol_baggage_get(value, POL_BYTES("k"), out, &n) && (n > value.n || !pol_utf8_valid(pol_bytes_of(out, n)))))
            abort();
        free(out);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    pol_http_head head;
    pol_bytes text = pol_bytes_of(data, size);
    switch (pol_http_read(text, HEAD_MAX, &head)) {
    case POL_HTTP_COMPLETE:
        check_accepted(text, &head);
        check_texts(&head);
        check_trace(text, &head);
        break;
    case POL_HTTP_REFUSED:
        if (head.status < 400 || !head.why)
            abort();
        break;
    case POL_HTTP_MORE:
        if (size >= HEAD_MAX)
            abort();
        break;
    }
    return 0;
}
