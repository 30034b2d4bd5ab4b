/* SPDX-License-Identifier: Apache-2.0
 * Built-ins of OPA that this language leaves out, for a decision depends on the bundle, the input
 * and the clock, nothing else: a call is a compile error that names them. And those that the
 * compiler answers itself, from what it knows of the module.
 */
#include "runtime/builtin.h"

#define GRAPHQL "string | object[any: any]"

static const pol_builtin rows[] = {
    {"http.send", "(request: object[string: any]) object[any: any]", "Sends an HTTP request.", NULL,
     POL_EXCLUDED | POL_NONDETERMINISTIC},
    {"net.lookup_ip_addr", "(name: string) set[string]", "Asks the DNS for a name's addresses.",
     NULL, POL_EXCLUDED | POL_NONDETERMINISTIC},
    {"providers.aws.sign_req",
     "(request: object[string: any], aws_config: object[string: any], time_ns: number) object[any: "
     "any]",
     "Signs a request to AWS.", NULL, POL_EXCLUDED},
    {"opa.runtime", "() object[string: any]", "The configuration and environment of the process.",
     NULL, POL_EXCLUDED | POL_NONDETERMINISTIC},
    {"graphql.is_valid", "(query: " GRAPHQL ", schema: " GRAPHQL ") boolean",
     "Whether a GraphQL query fits a schema.", NULL, POL_EXCLUDED},
    {"graphql.parse",
     "(query: " GRAPHQL ", schema: " GRAPHQL ") [object[any: any], object[any: any]]",
     "Parses a GraphQL query and schema.", NULL, POL_EXCLUDED},
    {"graphql.parse_and_verify",
     "(query: " GRAPHQL ", schema: " GRAPHQL ") [boolean, object[any: any], object[any: any]]",
     "Parses and checks a GraphQL query.", NULL, POL_EXCLUDED},
    {"graphql.parse_query", "(query: string) object[any: any]", "Parses a GraphQL query.", NULL,
     POL_EXCLUDED},
    {"graphql.parse_schema", "(schema: string) object[any: any]", "Parses a GraphQL schema.", NULL,
     POL_EXCLUDED},
    {"graphql.schema_is_valid", "(schema: " GRAPHQL ") boolean",
     "Whether a GraphQL schema is valid.", NULL, POL_EXCLUDED},
    {"rego.parse_module", "(filename: string, rego: string) object[string: any]",
     "Parses a Rego module.", NULL, POL_EXCLUDED},
    {"rego.metadata.chain", "() array[any]",
     "The METADATA of the rule and of what it stands in; the compiler puts the value in place.",
     NULL, 0},
    {"rego.metadata.rule", "() any",
     "The METADATA of the rule; the compiler puts the value in place.", NULL, 0},
};

POL_FAMILY(excluded) = {
    &rows[0], &rows[1], &rows[2], &rows[3],  &rows[4],  &rows[5],  &rows[6],
    &rows[7], &rows[8], &rows[9], &rows[10], &rows[11], &rows[12], POL_END,
};
