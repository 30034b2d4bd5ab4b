/* SPDX-License-Identifier: Apache-2.0
 * The texts of the reasons in reasons.def.
 */
#include "runtime/identity/reasons.h"

#include <string.h>

#define REASON(code, sentence) const char pol_reason_##code[] = #code;
#include "runtime/identity/reasons.def"
#undef REASON

const char *pol_reason_sentence(const char *reason)
{
    static const struct {
        const char *code, *sentence;
    } rows[] = {
#define REASON(code, sentence) {pol_reason_##code, sentence},
#include "runtime/identity/reasons.def"
#undef REASON
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (strcmp(rows[i].code, reason) == 0)
            return rows[i].sentence;
    }
    return "refused";
}
