/* SPDX-License-Identifier: Apache-2.0
 * Any text as a configuration: it is read or refused with a message, what is read names no file that is empty, and reading it again gives the same.
 */
#include "runtime/server/config.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void look_at(void *context, const char *key, const char *path)
{
    unsigned *count = context;
    if (!*key || !*path)
        abort();
    ++*count;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    pol_error err = {0};
    pol_config *config, *again;
    unsigned files = 0, files_again = 0;
    if (!pol_config_read("fuzz.yaml", pol_bytes_of(data, n), &config, &err)) {
        if (!err.text[0])
            abort();
        return 0;
    }
    if (!pol_config_read("fuzz.yaml", pol_bytes_of(data, n), &again, &err) || pol_config_restart_needed(config, again))
        abort();
    pol_config_files(config, look_at, &files);
    pol_config_files(again, look_at, &files_again);
    if (files != files_again)
        abort();
    pol_config_free(config);
    pol_config_free(again);
    return 0;
}
