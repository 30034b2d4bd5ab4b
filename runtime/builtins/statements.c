/* SPDX-License-Identifier: Apache-2.0
 * Names that stand for the result documents of the eight statements in the module that the compiler makes. It plans their bodies in place, so none
 * is ever called.
 */
#include "runtime/builtin.h"

static const pol_builtin rows[] = {
    {"internal.decision", "(rules: array[any]) object[string: any]", "The decision of the bundle's statements.", NULL, 0},
    {"internal.roles", "(rules: array[any]) set[string]", "The effective roles of the subject.", NULL, 0},
    {"internal.actions", "() set[string]", "The actions that the bundle names for the resource's type.", NULL, 0},
};

POL_FAMILY(statements) = {&rows[0], &rows[1], &rows[2], POL_END};
