/* SPDX-License-Identifier: Apache-2.0
 * RE2 behind the C functions of pattern.h. The one C++ file; no exception leaves it.
 */
#include "runtime/pattern.h"

#include <cstdio>
#include <new>
#include <re2/re2.h>
#include <vector>

struct pol_pattern {
    re2::RE2 re;

    pol_pattern(const re2::StringPiece &text, const re2::RE2::Options &options) : re(text, options)
    {
    }
};

enum { PATTERN_MEMORY = 8 << 20, GROUPS_ON_STACK = 32 };

extern "C" pol_pattern *pol_pattern_new(pol_bytes pattern, char *why, size_t n_why)
{
    re2::RE2::Options options;
    options.set_log_errors(false);
    options.set_max_mem(PATTERN_MEMORY);
    const re2::StringPiece text(reinterpret_cast<const char *>(pattern.at), pattern.n);
    pol_pattern *p = new (std::nothrow) pol_pattern(text, options);
    if (p && p->re.ok())
        return p;
    if (n_why)
        std::snprintf(why, n_why, "%s", p ? p->re.error().c_str() : "no memory");
    delete p;
    return nullptr;
}

extern "C" void pol_pattern_free(pol_pattern *p)
{
    delete p;
}

extern "C" int pol_pattern_groups(const pol_pattern *p)
{
    return p->re.NumberOfCapturingGroups();
}

extern "C" bool pol_pattern_find(const pol_pattern *p, pol_bytes text, size_t offset,
                                 pol_bytes *groups, int n_groups)
{
    re2::StringPiece few[GROUPS_ON_STACK], *found = few;
    std::vector<re2::StringPiece> many;
    const re2::StringPiece subject(
        reinterpret_cast<const char *>(text.at ? text.at : reinterpret_cast<const uint8_t *>("")),
        text.n);
    if (n_groups > GROUPS_ON_STACK) {
        many.resize(static_cast<size_t>(n_groups));
        found = many.data();
    }
    if (offset > text.n ||
        !p->re.Match(subject, offset, text.n, re2::RE2::UNANCHORED, found, n_groups))
        return false;
    for (int i = 0; i < n_groups; i++)
        groups[i] = {reinterpret_cast<const uint8_t *>(found[i].data()), found[i].size()};
    return true;
}

extern "C" bool pol_pattern_matches(const pol_pattern *p, pol_bytes text)
{
    pol_bytes none;
    return pol_pattern_find(p, text, 0, &none, 0);
}
