/* SPDX-License-Identifier: Apache-2.0
 * Any bytes as an answer of etcd: to a range, and as a line of a watch. A value that is read is of the key that was asked for; one that is deleted has none.
 */
#include "runtime/server/etcd.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const char *why, const pol_etcd_answer *answer)
{
    if (!why && answer->has_value && (answer->deleted || !answer->value.at))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    pol_arena arena;
    pol_etcd_answer answer;
    uint8_t *text = malloc(size + 1), *again = malloc(size + 1);
    if (!text || !again)
        abort();
    memcpy(text, data, size);
    memcpy(again, data, size);
    text[size] = again[size] = 0;
    pol_arena_init(&arena, 0);
    check(pol_etcd_range_read(&arena, pol_bytes_of(text, size), POL_BYTES("/polward/bundle"), &answer), &answer);
    check(pol_etcd_watch_read(&arena, pol_bytes_of(again, size), POL_BYTES("/polward/bundle"), &answer), &answer);
    pol_arena_deinit(&arena);
    free(text);
    free(again);
    return 0;
}
