/* SPDX-License-Identifier: Apache-2.0
 * Telling the service manager (systemd's NOTIFY_SOCKET) how the daemon is; without one nothing happens.
 */
#pragma once

/* state: newline-separated assignments, as "READY=1\nSTATUS=serving". */
void pol_notify(const char *state);
