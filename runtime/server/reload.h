/* SPDX-License-Identifier: Apache-2.0
 * Hot reload. One thread makes a new world aside, publishes it by one atomic store and wakes every worker. A worker loads the
 * pointer at the top of a loop turn and nowhere else, then stores the generation as the one it has seen; when all have seen it,
 * the old world is closed. A world that cannot be made changes nothing but the health, the metrics and the log.
 */
#pragma once

#include "runtime/server/server.h"

typedef struct pol_reloader pol_reloader;

/* Starts the thread. config is the one of the world that server has published, and is taken over. */
POL_MUST_USE bool pol_reloader_start(pol_server *server, const char *config_path, pol_config *config, pol_reloader **out, pol_error *err);
/* SIGHUP: read the configuration again and make a new world. Async-signal-safe. */
void pol_reloader_wake(pol_reloader *reloader);
/* Ends the thread, after the workers have ended, and closes the last world. */
void pol_reloader_stop(pol_reloader *reloader);
