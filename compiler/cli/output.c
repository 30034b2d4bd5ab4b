/* SPDX-License-Identifier: Apache-2.0
 * What commands print: JSON with indents as Go's encoder lays it out, errors in OPA's shape, files written whole or not at all.
 */
#include "compiler/cli/cli.h"
#include "runtime/json.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static void break_line(pol_buf *out, unsigned depth)
{
    pol_buf_byte(out, '\n');
    for (unsigned i = 0; i < depth; i++)
        pol_buf_text(out, "  ");
}

void cli_indent_json(pol_bytes compact, pol_buf *out)
{
    unsigned depth = 0;
    for (size_t i = 0; i < compact.n; i++) {
        uint8_t c = compact.at[i];
        if (c == '"') {
            size_t from = i++;
            while (i < compact.n && compact.at[i] != '"')
                i += compact.at[i] == '\\' ? 2 : 1;
            pol_buf_add(out, compact.at + from, i + 1 - from);
        } else if (c == '{' || c == '[') {
            pol_buf_byte(out, c);
            if (i + 1 < compact.n && (compact.at[i + 1] == '}' || compact.at[i + 1] == ']'))
                pol_buf_byte(out, compact.at[++i]);
            else
                break_line(out, ++depth);
        } else if (c == '}' || c == ']') {
            break_line(out, --depth);
            pol_buf_byte(out, c);
        } else if (c == ',') {
            pol_buf_byte(out, c);
            break_line(out, depth);
        } else if (c == ':') {
            pol_buf_text(out, ": ");
        } else {
            pol_buf_byte(out, c);
        }
    }
}

void cli_write(const pol_buf *buf)
{
    if (buf->n)
        fwrite(buf->at, 1, buf->n, stdout);
}

void cli_print_value(pol_value v)
{
    POL_CLEAN(pol_buf_deinit) pol_buf out = {0};
    pol_json_write(&out, v, POL_JSON_PRETTY);
    pol_buf_byte(&out, '\n');
    cli_write(&out);
}

void cli_put_error(pol_buf *out, const char *code, const char *message, const char *file, uint32_t row, uint32_t col)
{
    pol_buf_text(out, "{\"message\":");
    pol_json_write_string(out, pol_bytes_text(message), POL_JSON_HTML);
    if (code) {
        pol_buf_text(out, ",\"code\":");
        pol_json_write_string(out, pol_bytes_text(code), POL_JSON_HTML);
    }
    if (row) {
        pol_buf_text(out, ",\"location\":{\"file\":");
        pol_json_write_string(out, pol_bytes_text(file ? file : ""), POL_JSON_HTML);
        pol_buf_printf(out, ",\"row\":%u,\"col\":%u}", row, col);
    }
    pol_buf_byte(out, '}');
}

void cli_report(const pol_error *err, bool json)
{
    if (!json) {
        fprintf(stderr, "error: %s: %s\n", pol_code_text(err->code), err->text);
        return;
    }
    POL_CLEAN(pol_buf_deinit) pol_buf compact = {0};
    POL_CLEAN(pol_buf_deinit) pol_buf out = {0};
    pol_buf_text(&compact, "{\"errors\":[");
    cli_put_error(&compact, pol_code_text(err->code), err->text, NULL, 0, 0);
    pol_buf_text(&compact, "]}");
    cli_indent_json(pol_buf_view(&compact), &out);
    pol_buf_byte(&out, '\n');
    cli_write(&out);
}

void cli_report_diags(const pol_diags *diags, const char *format)
{
    POL_CLEAN(pol_buf_deinit) pol_buf out = {0};
    bool json = strcmp(format, "json") == 0, sarif = strcmp(format, "sarif") == 0;
    pol_diags_write(diags, json ? POL_DIAGS_JSON : sarif ? POL_DIAGS_SARIF : POL_DIAGS_PRETTY, &out);
    if (out.n && out.at[out.n - 1] != '\n')
        pol_buf_byte(&out, '\n');
    if (json || sarif)
        cli_write(&out);
    else if (out.n)
        fwrite(out.at, 1, out.n, stderr);
}

POL_MUST_USE static bool write_all(int fd, pol_bytes bytes)
{
    while (bytes.n) {
        ssize_t n = write(fd, bytes.at, bytes.n);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        bytes = pol_bytes_of(bytes.at + n, bytes.n - (size_t)n);
    }
    return true;
}

bool cli_write_file(const char *path, pol_bytes bytes, pol_error *err)
{
    POL_CLEAN(pol_buf_deinit) pol_buf temporary = {0};
    pol_buf_printf(&temporary, "%s.XXXXXX", path);
    char *name = (char *)temporary.at;
    int fd = mkostemp(name, O_CLOEXEC);
    if (fd < 0)
        return pol_fail(err, POL_E_IO, "%s: %s", path, strerror(errno));
    mode_t mask = umask(0);
    umask(mask);
    bool ok = fchmod(fd, 0666 & ~mask) == 0 && write_all(fd, bytes) && fsync(fd) == 0;
    int why = errno;
    close(fd);
    if (ok && rename(name, path) == 0)
        return true;
    if (ok)
        why = errno;
    unlink(name);
    return pol_fail(err, POL_E_IO, "%s: %s", path, strerror(why));
}
