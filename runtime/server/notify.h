/* SPDX-License-Identifier: Apache-2.0
 * Telling the service manager (systemd's NOTIFY_SOCKET) how the daemon is; without one nothing happens.
 */
#pragma once

#include <stdint.h>

/* state: newline-separated assignments, as "READY=1\nSTATUS=serving". */
void pol_notify(const char *state);

/* Within how many milliseconds the manager wants a sign of life (WATCHDOG=1) again; 0: it wants none. */
uint64_t pol_watchdog_ms(void);
