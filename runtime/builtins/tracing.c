/* SPDX-License-Identifier: Apache-2.0
 * Built-ins of family tracing: what a policy tells its author while it runs.
 */
#include "runtime/builtins/writer.h"

POL_BUILTIN_FLAGS(print, "print", "() none",
                  "Prints its arguments, whatever they are, with blanks between them; "
                  "`<undefined>` for what is undefined.",
                  POL_VARIADIC)
{
    pol_writer w = pol_writer_new(ev, 0);
    for (unsigned i = 0; i < n_args; i++) {
        if (i)
            pol_writer_byte(&w, ' ');
        if (pol_is_defined(args[i]))
            pol_writer_value(&w, args[i]);
        else
            pol_writer_text(&w, "<undefined>");
    }
    pol_eval_print(ev, pol_writer_view(&w));
    return pol_bool(true);
}

POL_BUILTIN(trace, "trace", "(note: string) boolean",
            "Puts a note into the explanation of a decision.")
{
    pol_eval_note(ev, pol_arg_string(ev, args, 0));
    return pol_bool(true);
}

POL_FAMILY(tracing) = {POL_ROW(print), POL_ROW(trace), POL_END};
