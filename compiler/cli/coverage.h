/* SPDX-License-Identifier: Apache-2.0
 * Which lines and statements of the policies a run of tests reached.
 */
#pragma once

#include "compiler/cli/cli.h"

typedef struct cli_coverage cli_coverage;

/* The session's bundle was compiled without optimising, so that each expression has its instructions. */
cli_coverage *cli_coverage_new(const cli_session *s);
void cli_coverage_free(cli_coverage *c);
/* Looks on at what ev runs next. */
void cli_coverage_watch(cli_coverage *c, pol_eval *ev);
/* Lines that were reached, in 100. */
double cli_coverage_lines(cli_coverage *c);
/* OPA's report, with statements beside lines. */
void cli_coverage_json(cli_coverage *c, pol_buf *out);
/* The tracefile of lcov; a statement is a function there. */
void cli_coverage_lcov(cli_coverage *c, pol_buf *out);
