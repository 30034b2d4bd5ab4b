/* SPDX-License-Identifier: Apache-2.0
 * What the process gives up before it answers anyone. In this order: memory, files, user, system calls.
 */
#pragma once

#include "runtime/server/config.h"

/* No new privileges, no core dump, nobody looks into the memory; private keys live in locked memory that no dump has. Before any key is read. */
void pol_sandbox_memory(void);

/* From now on only files beside those that config names, and what the libraries need, can be opened (Landlock). Before any other
 * thread is started. A kernel that has no Landlock is told in the log. */
POL_MUST_USE bool pol_sandbox_files(const pol_config *config, const char *config_path, pol_error *err);

/* Becomes config's user, where one is named. When the sockets are there. */
POL_MUST_USE bool pol_sandbox_user(const pol_config *config, pol_error *err);

/* From now on, in all threads, only the system calls of syscalls.def succeed. */
POL_MUST_USE bool pol_sandbox_calls(const pol_config *config, pol_error *err);
