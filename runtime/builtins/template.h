/* SPDX-License-Identifier: Apache-2.0
 * The part of Go's text/template that policies use: fields, variables, pipelines, if, with, range,
 * comments, trimming, and the functions on values. Templates are not defined or called by name.
 */
#pragma once

#include "runtime/builtin.h"

/* The template filled with vars, an object: a string, or undefined with an error noted. */
pol_value pol_template_render(pol_eval *ev, pol_bytes text, pol_value vars);
