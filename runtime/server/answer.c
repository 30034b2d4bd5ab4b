/* SPDX-License-Identifier: Apache-2.0
 * From a request to its route's handler, and the forms of refusals. */
#include "runtime/server/answer.h"

#include "runtime/json.h"
#include "runtime/server/callers.h"
#include "runtime/server/coding.h"

#include <stdarg.h>
#include <stdio.h>
#include <time.h>

typedef enum { EXACT, TREE } reach;
typedef enum { BOTH, DECISIONS, ADMIN } use;
enum { INFLATED_KEPT = 65536 }; /* of the buffer for gzip, from one request to the next */

typedef struct {
    const char *method, *path;
    reach reach;
    pol_error_form errors;
    use use;
    pol_handler handler;
    const char *label;
} route;

#define DATA POL_ERRORS_DATA
#define AUTHZEN POL_ERRORS_AUTHZEN
static const route routes[POL_ROUTE_NONE] = {
#define ROUTE(id, method, path, reach, errors, use, handler, label, doc) [POL_ROUTE_##id] = {method, path, reach, errors, use, handler, label},
#include "runtime/server/routes.def"
#undef ROUTE
};
#undef DATA
#undef AUTHZEN

/* Whether path is the route's; *below is what follows it. */
static bool path_matches(const route *r, pol_bytes path, pol_bytes *below)
{
    pol_bytes own = pol_bytes_text(r->path);
    *below = (pol_bytes){0};
    if (pol_bytes_equal(path, own))
        return true;
    if (r->reach != TREE || !pol_bytes_starts(path, own) || path.at[own.n] != '/')
        return false;
    *below = pol_bytes_of(path.at + own.n + 1, path.n - own.n - 1);
    return true;
}

/* Another's path stands in it, and another's body comes with it: both are left as they are. */
static bool takes_any(const route *r)
{
    return strcmp(r->method, "ANY") == 0;
}

/* The first route of this path, whatever its method. */
static const route *find_path(pol_bytes path)
{
    pol_bytes below;
    for (unsigned i = 0; i < POL_ROUTE_NONE; i++)
        if (path_matches(&routes[i], path, &below))
            return &routes[i];
    return NULL;
}

static const char *code_of(int status)
{
    switch (status) {
    case 401: return "unauthorized";
    case 404: return "resource_not_found";
    case 405: return "invalid_operation";
    default: return status >= 500 ? "internal_error" : "invalid_parameter";
    }
}

/* Whether a plain text is welcome: who says nothing of what he accepts gets JSON, as does who names JSON alone. */
static bool prefers_text(const pol_http_head *head)
{
    if (!head->has_accept)
        return false;
    return pol_http_accepts(head->accept, "*/*") || pol_http_accepts(head->accept, "text/*") ||
           pol_http_accepts(head->accept, "text/plain");
}

static void write_message(pol_answer *answer, const pol_http_head *head, pol_bytes text)
{
    if (prefers_text(head)) {
        answer->content_type = "text/plain; charset=utf-8";
        pol_buf_bytes(answer->body, text);
    } else {
        answer->content_type = "application/json";
        pol_json_write_string(answer->body, text, POL_JSON_COMPACT);
    }
    pol_buf_byte(answer->body, '\n');
}

void pol_answer_error(pol_answer *answer, const pol_http_head *head, pol_error_form form, int status, const char *code, const char *fmt,
                      ...)
{
    char text[512];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    answer->status = status;
    pol_buf_clear(answer->body);
    if (form == POL_ERRORS_AUTHZEN) {
        write_message(answer, head, pol_bytes_text(text));
        return;
    }
    answer->content_type = "application/json";
    pol_buf_printf(answer->body, "{\n  \"code\": \"%s\",\n  \"message\": ", code ? code : code_of(status));
    pol_json_write_string(answer->body, pol_bytes_text(text), POL_JSON_HTML);
    pol_buf_text(answer->body, "\n}\n");
}

void pol_answer_too_large(const pol_http_head *head, uint64_t most, pol_answer *answer)
{
    const route *r = find_path(head->path);
    bool as_opa = r && (r->reach == TREE || r->handler == pol_serve_default); /* OPA's data API answers 400 */
    pol_answer_error(answer, head, r ? r->errors : POL_ERRORS_DATA, as_opa ? 400 : 413, "invalid_parameter",
                     "request body too large: %llu bytes, at most %llu are taken", (unsigned long long)head->body_bytes,
                     (unsigned long long)most);
}

void pol_answer_overloaded(const pol_http_head *head, pol_answer *answer)
{
    const route *r = find_path(head->path);
    pol_buf_text(answer->headers, "Retry-After: 1\r\n");
    pol_answer_error(answer, head, r ? r->errors : POL_ERRORS_DATA, 503, NULL, "too many requests are waiting");
}

static void refuse_method(const pol_request *request, const route *known, pol_answer *answer)
{
    pol_bytes below;
    const char *separator = "Allow: ";
    for (unsigned i = 0; i < POL_ROUTE_NONE; i++) {
        if (!path_matches(&routes[i], request->head->path, &below))
            continue;
        pol_buf_printf(answer->headers, "%s%s", separator, routes[i].method);
        separator = ", ";
    }
    pol_buf_text(answer->headers, "\r\n");
    pol_answer_error(answer, request->head, known->errors, 405, NULL, "this method is not known here");
}

static void refuse_path(const pol_request *request, pol_answer *answer)
{
    const pol_http_head *head = request->head;
    pol_bytes path = head->path;
    if (path.n > 1 && path.at[path.n - 1] == '/' && find_path(pol_bytes_of(path.at, path.n - 1))) {
        pol_buf_printf(answer->headers, "Location: %.*s%s%.*s\r\n", (int)(path.n - 1), (const char *)path.at,
                       head->has_query ? "?" : "", (int)head->query.n, (const char *)head->query.at);
        answer->status = 301;
        answer->content_type = "application/json";
        pol_buf_text(answer->body, "{}\n");
        return;
    }
    if (prefers_text(head)) {
        answer->status = 404;
        answer->content_type = "text/plain; charset=utf-8";
        pol_buf_text(answer->body, "404 page not found\n");
    } else {
        pol_answer_error(answer, head, POL_ERRORS_DATA, 404, NULL, "404 page not found");
    }
}

/* False: answered. */
POL_MUST_USE static bool decode_body(pol_worker *worker, pol_request *request, const route *known, pol_answer *answer)
{
    pol_bytes coding = request->head->content_encoding;
    pol_error err;
    if (coding.n == 0 || pol_http_media_type_is(coding, "identity"))
        return true;
    if (!pol_http_media_type_is(coding, "gzip")) {
        pol_answer_error(answer, request->head, known->errors, 415, NULL, "this Content-Encoding is not taken: send the body plain or as gzip");
        return false;
    }
    pol_buf *out = &worker->inflated;
    if (pol_gunzip(request->body, worker->world->config->max_body, out, &err)) {
        request->body = pol_buf_view(out);
        return true;
    }
    pol_answer_error(answer, request->head, known->errors, err.code == POL_E_LIMIT && known->reach == EXACT ? 413 : 400, "invalid_parameter",
                     "%s", err.text);
    return false;
}

/* Data documents are large at times; gzip is OPA's, as is the size from which on it counts. */
static void encode_answer(pol_worker *worker, const pol_http_head *head, const route *known, pol_answer *answer)
{
    enum { GZIP_FROM = 1024 };
    if (known->errors != POL_ERRORS_DATA)
        return;
    if (known->reach == TREE)
        pol_buf_text(answer->headers, "Vary: Accept-Encoding\r\n");
    if (answer->body->n < GZIP_FROM || !pol_http_accepts(pol_http_header_get(head, "Accept-Encoding"), "gzip"))
        return;
    if (!pol_gzip(pol_buf_view(answer->body), &worker->inflated))
        return;
    pol_buf_clear(answer->body);
    pol_buf_bytes(answer->body, pol_buf_view(&worker->inflated));
    pol_buf_text(answer->headers, "Content-Encoding: gzip\r\n");
    if (known->reach != TREE)
        pol_buf_text(answer->headers, "Vary: Accept-Encoding\r\n");
}

/* Whether the socket that request came by answers this route. */
static bool answers_here(const pol_worker *worker, const pol_request *request, const route *r)
{
    return r->use == BOTH || !worker->world->config->admin_path || (r->use == ADMIN) == request->peer->admin;
}

/* False: answered, or to be parked. */
POL_MUST_USE static bool admit_caller(pol_worker *worker, const pol_request *request, const route *known, pol_answer *answer)
{
    if (!worker->world->config->callers)
        return true;
    switch (pol_caller_judge(worker, request, known->label)) {
    case POL_CALLER_MAY:
        return true;
    case POL_CALLER_MAY_NOT:
        pol_count(&worker->metrics.callers_refused, 1);
        pol_answer_error(answer, request->head, known->errors, 403, "unauthorized", "this caller may not use this endpoint");
        break;
    case POL_CALLER_FAILED:
        pol_answer_error(answer, request->head, known->errors, 500, NULL, "the policy on callers ended in an error");
        break;
    case POL_CALLER_WAITS:
        break;
    }
    return false;
}

pol_route_id pol_answer_request(pol_worker *worker, pol_request *request, pol_answer *answer)
{
    const pol_http_head *head = request->head;
    const route *known = NULL;
    if (worker->inflated.capacity > INFLATED_KEPT)
        pol_buf_deinit(&worker->inflated);
    bool slash_at_end = head->path.n > 1 && head->path.at[head->path.n - 1] == '/';
    for (unsigned i = 0; i < POL_ROUTE_NONE; i++) {
        bool any = takes_any(&routes[i]);
        if ((slash_at_end && !any) || !path_matches(&routes[i], head->path, &request->below) || !answers_here(worker, request, &routes[i]))
            continue;
        known = &routes[i];
        if (!any && !pol_bytes_is(head->method, known->method))
            continue;
        if (admit_caller(worker, request, known, answer) && (any || decode_body(worker, request, known, answer)))
            known->handler(worker, request, answer);
        encode_answer(worker, head, known, answer);
        return (pol_route_id)i;
    }
    if (known)
        refuse_method(request, known, answer);
    else
        refuse_path(request, answer);
    return POL_ROUTE_NONE;
}

/* ---- the head of an answer ---- */

static const char *date_text(pol_worker *worker)
{
    time_t now = time(NULL);
    if (now != worker->date_s) {
        struct tm tm;
        gmtime_r(&now, &tm);
        /* the daemon never calls setlocale, so names are English */
        strftime(worker->date, sizeof worker->date, "%a, %d %b %Y %H:%M:%S GMT", &tm);
        worker->date_s = now;
    }
    return worker->date;
}

/* printf takes a tenth of the time of a whole round trip. */
static void put_number(pol_buf *out, size_t n)
{
    char digits[24];
    size_t i = sizeof digits;
    do {
        digits[--i] = (char)('0' + n % 10);
        n /= 10;
    } while (n);
    pol_buf_add(out, digits + i, sizeof digits - i);
}

void pol_answer_finish(pol_worker *worker, const pol_http_head *head, pol_answer *answer)
{
    pol_buf *out = &worker->answer_head;
    pol_buf_clear(out);
    pol_buf_text(out, "HTTP/1.1 ");
    put_number(out, (unsigned)answer->status);
    pol_buf_byte(out, ' ');
    pol_buf_text(out, pol_http_reason(answer->status));
    pol_buf_text(out, "\r\nDate: ");
    pol_buf_text(out, date_text(worker));
    pol_buf_text(out, "\r\nContent-Type: ");
    pol_buf_text(out, answer->content_type);
    pol_buf_text(out, "\r\nContent-Length: ");
    put_number(out, answer->body->n);
    pol_buf_text(out, "\r\n");
    if (answer->close)
        pol_buf_text(out, "Connection: close\r\n");
    else if (head->http_1_0)
        pol_buf_text(out, "Connection: keep-alive\r\n");
    if (head->has_request_id) {
        pol_buf_text(out, "X-Request-ID: ");
        pol_buf_bytes(out, head->request_id);
        pol_buf_text(out, "\r\n");
    }
    pol_buf_bytes(out, pol_buf_view(answer->headers));
    pol_buf_text(out, "\r\n");
    /* RFC 9110, 9.3.2: an answer to HEAD has no body, whatever its length says */
    if (pol_bytes_is(head->method, "HEAD"))
        pol_buf_clear(answer->body);
}
