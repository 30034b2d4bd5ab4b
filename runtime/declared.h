/* SPDX-License-Identifier: Apache-2.0
 * The types of the language that have a name, as `schema` statements declare them: held against data when it is built and against requests.
 */
#pragma once

#include "runtime/value.h"

/* name: any null bool number integer string time cidr uri. Of cidr and uri only that they are text is looked at: built-ins tell of what is in it. */
bool pol_is_declared(pol_value v, pol_bytes name);
