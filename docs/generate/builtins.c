/* SPDX-License-Identifier: Apache-2.0
 * The reference page of built-in functions, made from their registry; to standard output.
 */
#include "runtime/builtin.h"

#include <stdio.h>

static void print_cell(const char *text)
{
    for (; *text; text++)
        printf(*text == '|' ? "\\%c" : "%c", *text);
}

static const char *note_of(unsigned flags)
{
    return flags & POL_EXCLUDED           ? "left out: a call is a compile error"
           : flags & POL_DEPRECATED       ? "deprecated: a call in a Rego v1 module is a compile error"
           : flags & POL_NONDETERMINISTIC ? "depends on the clock or on chance"
                                          : "";
}

int main(void)
{
    printf("# Built-in functions\n\n"
           "| name | signature | | |\n"
           "| --- | --- | --- | --- |\n");
    for (unsigned i = 0; pol_builtin_at(i); i++) {
        const pol_builtin *b = pol_builtin_at(i);
        printf("| `%s` | `", b->name);
        print_cell(b->signature);
        printf("` | ");
        print_cell(b->summary);
        printf(" | %s |\n", note_of(b->flags));
    }
    return 0;
}
