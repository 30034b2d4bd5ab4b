/* SPDX-License-Identifier: Apache-2.0
 * AuthZEN's metadata document: where this decision point's endpoints are. Those that the configuration gives nothing to are left out.
 */
#include "runtime/server/answer.h"

#include "runtime/json.h"

static void write_url(pol_buf *out, const char *name, pol_bytes base, const char *path)
{
    POL_CLEAN(pol_buf_deinit) pol_buf url = {0};
    pol_buf_bytes(&url, base);
    pol_buf_text(&url, path);
    pol_buf_printf(out, "\"%s\":", name);
    pol_json_write_string(out, pol_buf_view(&url), POL_JSON_COMPACT);
}

void pol_serve_authzen_metadata(pol_worker *worker, const pol_request *request, pol_answer *answer)
{
    const pol_config *config = worker->world->config;
    pol_buf *out = answer->body;
    POL_CLEAN(pol_buf_deinit) pol_buf own = {0};
    if (config->authzen_url) {
        pol_buf_text(&own, config->authzen_url);
    } else {
        pol_buf_text(&own, "https://");
        pol_buf_bytes(&own, request->head->host);
    }
    pol_bytes base = pol_buf_view(&own);
    answer->status = 200;
    answer->content_type = "application/json";
    pol_buf_byte(out, '{');
    write_url(out, "policy_decision_point", base, "");
    pol_buf_byte(out, ',');
    write_url(out, "access_evaluation_endpoint", base, "/access/v1/evaluation");
    pol_buf_byte(out, ',');
    write_url(out, "access_evaluations_endpoint", base, "/access/v1/evaluations");
    if (config->search_subjects) {
        pol_buf_byte(out, ',');
        write_url(out, "search_subject_endpoint", base, "/access/v1/search/subject");
    }
    if (config->search_resources) {
        pol_buf_byte(out, ',');
        write_url(out, "search_resource_endpoint", base, "/access/v1/search/resource");
    }
    pol_buf_byte(out, ',');
    write_url(out, "search_action_endpoint", base, "/access/v1/search/action");
    pol_buf_text(out, "}\n");
}
