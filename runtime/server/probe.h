/* SPDX-License-Identifier: Apache-2.0
 * `pold --ready`: for probes of containers, in which there is nothing else that could ask.
 */
#pragma once

#include "runtime/server/config.h"

/* Whether the daemon that listens on config's socket.path answers that requests may be sent to it. */
POL_MUST_USE bool pol_probe_ready(const pol_config *config, pol_error *err);
