/* SPDX-License-Identifier: Apache-2.0
 * Error codes and their texts. */
#include "runtime/error.h"

#include <stdarg.h>
#include <stdio.h>

static const char *const code_texts[POL_E_COUNT] = {
#define ERR(name, text, meaning) [POL_E_##name] = text,
#include "runtime/error.def"
#undef ERR
};

bool pol_fail(pol_error *err, pol_code code, const char *fmt, ...)
{
    if (err) {
        va_list args;
        err->code = code;
        va_start(args, fmt);
        vsnprintf(err->text, sizeof err->text, fmt, args);
        va_end(args);
    }
    return false;
}

const char *pol_code_text(pol_code code)
{
    return (unsigned)code < POL_E_COUNT ? code_texts[code] : "unknown_error";
}
