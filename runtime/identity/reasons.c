/* SPDX-License-Identifier: Apache-2.0
 * The texts of the reasons in reasons.def, and how a client is told.
 */
#include "runtime/identity/reasons.h"

#include <stdio.h>
#include <string.h>

#define REASON(code, challenge, sentence) const char pol_reason_##code[] = #code;
#include "runtime/identity/reasons.def"
#undef REASON

typedef enum { NONE, INVALID_TOKEN, INVALID_REQUEST, INVALID_PROOF } challenge_kind;

typedef struct {
    const char *code, *sentence;
    challenge_kind challenge;
} row;

static const row rows[] = {
#define REASON(code, challenge, sentence) {pol_reason_##code, sentence, challenge},
#include "runtime/identity/reasons.def"
#undef REASON
};

static const row *find(const char *reason)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (strcmp(rows[i].code, reason) == 0)
            return &rows[i];
    }
    return NULL;
}

const char *pol_reason_sentence(const char *reason)
{
    const row *found = find(reason);
    return found ? found->sentence : "refused";
}

void pol_reason_challenge(const char *reason, char out[200])
{
    static const char *const errors[] = {[INVALID_TOKEN] = "Bearer error=\"invalid_token\"", [INVALID_REQUEST] = "Bearer error=\"invalid_request\"",
                                         [INVALID_PROOF] = "DPoP error=\"invalid_dpop_proof\""};
    const row *found = find(reason);
    out[0] = 0;
    if (found && found->challenge != NONE)
        snprintf(out, 200, "%s, error_description=\"%s\"", errors[found->challenge], found->sentence);
}
